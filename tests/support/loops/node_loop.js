// SPDX-License-Identifier: MIT
// node_loop.js HOST ECHO-PORT COUNT: sockets of node:net at once, then http and fetch (port 80), and
// a refused connect (port 81); a timer must go on ticking meanwhile.
'use strict';
const http = require('node:http');
const net = require('node:net');

const [host, port, count] = process.argv.slice(2);
let longest = 0;
let last = Date.now();
const ticking = setInterval(() => {
  longest = Math.max(longest, Date.now() - last);
  last = Date.now();
}, 5);

const echo = (line) => new Promise((resolve, reject) => {
  const socket = net.connect(Number(port), host, () => socket.write(line));
  socket.once('data', (data) => {
    resolve(data.toString() === line);
    socket.destroy();
  });
  socket.on('error', reject);
});

const get = (url) => new Promise((resolve, reject) => {
  http.get(url, (response) => {
    let body = '';
    response.on('data', (data) => { body += data; });
    response.on('end', () => resolve(body.trim()));
  }).on('error', reject);
});

const main = async () => {
  const heard = await Promise.all(Array.from({ length: Number(count) }, (_, i) => echo(`${i}\n`)));
  console.log(`net: ${heard.filter(Boolean).length} of ${count}`);
  const standstill = longest;
  console.log(`http: ${await get(`http://${host}/page`)}`);
  console.log(`fetch: ${(await (await fetch(`http://${host}/page`)).text()).trim()}`);
  await echo.call(null, 'x').then(() => console.log('echo: again'));
  await new Promise((resolve) => {
    net.connect(81, host).on('error', (error) => resolve(console.log(`refused: ${error.code}`)));
  });
  console.log(`the loop ${standstill < 1000 ? 'went on' : `stood still for ${standstill} ms`}`);
  clearInterval(ticking);
};
main();
