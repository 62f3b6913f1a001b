# SPDX-License-Identifier: MIT
# Who is measured, how a round goes, and how the result is shown.
import glob
import ipaddress
import operator
import os
import random
import re
import signal
import statistics
import subprocess

# Beside the loopback addresses, which socksifiers leave alone: one of this machine all the same.
ADDRESS = '203.0.113.10'
EXEMPT = '203.0.113.11'  # what the last of many rules sends direct
NAME_IN_HOSTS = 'hosts.example'  # where names are looked up in the usual way
NAME_AT_PROXY = 'proxied.example'  # where the proxy is told the name

USER, PASSWORD = 'alice', 's3cret'
LIMIT_SECONDS = 40


def mixed_patterns(count):
    """Names, suffixes and networks of many lengths, a third of them with ports; none that the
    connections of the bench match. The same ones each time."""
    rnd = random.Random(count)

    def label():
        return ''.join(rnd.choices('abcdefghijklmnopqrstuvwxyz0123456789', k=rnd.randint(4, 12)))

    def network(first, bits, length):
        number = first << bits - 8 | rnd.getrandbits(bits - 8)
        return str(ipaddress.ip_network((number, length), strict=False))

    for i in range(count):
        ports = rnd.choice(['', '', '', '', ':443', ':8000-9000'])
        top = rnd.choice(['com', 'net', 'org', 'test'])
        if i % 10 < 6:
            pattern = f'{label()}.{label()}.{top}' if i % 2 else f'*.{label()}.{top}'
        elif i % 10 < 8:
            pattern = network(100, 32, rnd.randint(14, 32))
        else:
            pattern = network(0x2a, 128, rnd.choice([32, 128, rnd.randint(24, 64)]))
            pattern = f'[{pattern}]' if ports else pattern
        yield pattern + ports


def networks(count):
    """What peers have rules for: IPv4 networks of many lengths; and in the end one of this machine."""
    rnd = random.Random(count)
    for _ in range(count):
        number = 100 << 24 | rnd.getrandbits(24)
        yield ipaddress.ip_network((number, rnd.randint(14, 32)), strict=False)
    if count:
        yield ipaddress.ip_network(EXEMPT)


class Failed(Exception):
    """A program did not do what was to be measured; says how it ended."""


class Server:
    """A program of ours that prints its ports and serves until its stdin is closed."""

    def __init__(self, *command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.ports = self.process.stdout.readline().split()

    def ask(self):
        """How many connections proxy has had: all of them, and those that came without SOCKS."""
        self.process.stdin.write('\n')
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split()]

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.stdin.close()
        self.process.wait(LIMIT_SECONDS)


class Contestant:
    """A way to run a program. Its base is the program without any socksifier."""

    name = 'bare'
    by_name = False  # names go to the proxy
    has_rules = False  # can send destinations of the user's choice direct
    library = None  # a pattern

    def __init__(self, build, scratch):
        self.build, self.scratch = build, scratch
        found = glob.glob(self.library) if self.library else ['']
        self.preload = found[0] if found else None

    def is_installed(self):
        return self.preload is not None

    def host(self):
        return NAME_AT_PROXY if self.by_name else NAME_IN_HOSTS

    def write(self, name, text):
        path = f'{self.scratch}/{self.name}.{name}'
        with open(path, 'w', encoding='ascii') as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def settings(self, port, password=False):
        """The variables that lead it to the SOCKS5 proxy at 127.0.0.1:port."""
        return {}

    def environment(self, port, **options):
        variables = self.settings(port, **options)
        return {**variables, 'LD_PRELOAD': self.preload} if self.preload else variables

    def command(self, *program):
        """What a user types to run the program."""
        return list(program)


class Empty(Contestant):
    name = 'empty .so'

    def __init__(self, build, scratch):
        self.library = f'{build}/bench/empty.so'
        super().__init__(build, scratch)

    def command(self, *program):
        return ['env', f'LD_PRELOAD={self.preload}', *program]


class Socksify(Contestant):
    name = 'socksify'
    by_name = True
    has_rules = True

    def __init__(self, build, scratch):
        self.library = f'{build}/libsocksify.so'
        super().__init__(build, scratch)

    def settings(self, port, password=False, scheme='socks5', options='', rules=0):
        login = f'{USER}:{PASSWORD}@' if password else ''
        text = f'proxy home {scheme}://{login}127.0.0.1:{port} {options}\ndefault home\n'
        for i, pattern in enumerate(mixed_patterns(rules)):
            text += f'{("direct", "block", "via home")[i % 3]} {pattern}\n'
        if rules:
            text += f'direct {EXEMPT}\n'
        return {'SOCKSIFY_CONF': self.write(f'conf.{rules}', text), 'XDG_RUNTIME_DIR': self.scratch}

    def command(self, *program):
        return [f'{self.build}/socksify', *program]


class Supervised(Socksify):
    """Without the library. Programs are run by the wrapper, which does no work of its own."""

    name = 'supervised'

    def environment(self, port, **options):
        return self.settings(port, **options)

    def command(self, *program):
        return [f'{self.build}/socksify', '--mode', 'supervise', *program]


class Sealed(Supervised):
    name = 'sealed'

    def command(self, *program):
        return [f'{self.build}/socksify', '--seal', *program]


class Filter(Contestant):
    """The least filter that there is: what it costs, the kernel costs."""

    name = 'empty filter'

    def command(self, *program):
        return [f'{self.build}/support/probe-forbid', 'prctl=EPERM', '--', *program]


class Proxychains(Contestant):
    name = 'proxychains4'
    by_name = True
    has_rules = True
    library = '/usr/lib/*/libproxychains.so.4'

    def settings(self, port, password=False, rules=0):
        login = f'{USER} {PASSWORD}' if password else ''
        local = ''.join(f'localnet {network}\n' for network in networks(rules))
        text = (f'strict_chain\nquiet_mode\nproxy_dns\nremote_dns_subnet 224\n{local}'
                f'[ProxyList]\nsocks5 127.0.0.1 {port} {login}\n')
        return {'PROXYCHAINS_CONF_FILE': self.write(f'conf.{rules}', text), 'PROXYCHAINS_QUIET_MODE': '1'}

    def command(self, *program):
        return ['proxychains4', *program]


class Torsocks(Contestant):
    name = 'torsocks'
    by_name = True
    library = '/usr/lib/*/torsocks/libtorsocks.so'

    def settings(self, port, password=False):
        login = f'SOCKS5Username {USER}\nSOCKS5Password {PASSWORD}\n' if password else ''
        text = f'TorAddress 127.0.0.1\nTorPort {port}\n{login}'
        return {'TORSOCKS_CONF_FILE': self.write('conf', text), 'TORSOCKS_LOG_LEVEL': '1'}

    def command(self, *program):
        return ['torsocks', *program]


class Tsocks(Contestant):
    name = 'tsocks'
    has_rules = True
    library = '/usr/lib/*/libtsocks.so'

    def settings(self, port, password=False, rules=0):
        login = f'default_user = {USER}\ndefault_pass = {PASSWORD}\n' if password else ''
        local = ''.join(f'local = {network.with_netmask}\n' for network in networks(rules))
        text = (f'{local}local = 127.0.0.0/255.0.0.0\nserver = 127.0.0.1\nserver_type = 5\n'
                f'server_port = {port}\n{login}')
        return {'TSOCKS_CONF_FILE': self.write(f'conf.{rules}', text)}

    def command(self, *program):
        return ['tsocks', *program]


class Dante(Contestant):
    name = 'Dante'
    by_name = True
    has_rules = True
    library = '/usr/lib/*/libdsocksd.so.0'

    def settings(self, port, password=False, rules=0):
        local = ''.join(f'route {{ from: 0.0.0.0/0 to: {network} via: direct }}\n'
                        for network in networks(rules))
        text = (f'resolveprotocol: fake\n{local}route {{\n from: 0.0.0.0/0 to: 0.0.0.0/0 '
                f'via: 127.0.0.1 port = {port}\n proxyprotocol: socks_v5\n command: connect\n'
                f' method: {"username" if password else "none"}\n}}\n')
        login = {'SOCKS_USERNAME': USER, 'SOCKS_PASSWORD': PASSWORD} if password else {}
        # Else what this machine is connected to, and so all that is here, would go direct.
        return {'SOCKS_CONF': self.write(f'conf.{rules}', text), 'SOCKS_AUTOADD_LANROUTES': 'no', **login}

    def command(self, *program):
        return ['/usr/bin/socksify', *program]


def contestants(build, scratch):
    every = [Contestant, Empty, Socksify, Proxychains, Torsocks, Tsocks, Dante]
    return [c for c in (kind(build, scratch) for kind in every) if c.is_installed()]


def run(command, environment=None, seconds=LIMIT_SECONDS):
    """Run a program to its end; what it printed on stdout."""
    base = {'PATH': os.environ['PATH'], 'HOME': os.environ['HOME'], 'LANG': 'C'}
    child = subprocess.Popen(command, env={**base, **(environment or {})}, text=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        output, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        raise Failed('hangs') from None
    if child.returncode < 0:
        raise Failed('crashes')
    if child.returncode > 0:
        raise Failed('fails')
    return output


def values(output):
    """The name=number words that our programs print."""
    return {name: float(number) for name, number in re.findall(r'(\w+)=([-0-9.]+)', output)}


def rounds(count, who, measure):
    """
    Measure everybody in turn, count times over, so that what disturbs the machine disturbs all.
    measure(contestant) gives a dict of numbers. Returns {contestant's name: list of these dicts,
    or the word for how it failed}; who failed once is not asked again.
    """
    results = {contestant.name: [] for contestant in who}
    for _ in range(count):
        for contestant in who:
            so_far = results[contestant.name]
            if isinstance(so_far, list):
                try:
                    so_far.append(measure(contestant))
                except Failed as failed:
                    results[contestant.name] = str(failed)
    return results


def median(result, key):
    return statistics.median(r[key] for r in result) if isinstance(result, list) else result


def ratio(result, bare, key):
    """The median of the ratios to bare in the same round."""
    if not isinstance(result, list):
        return result
    return statistics.median(r[key] / b[key] for r, b in zip(result, bare))


class Column:
    """One figure of a topic: a number for everybody, or a word in its place."""

    def __init__(self, title, show, target='', notes=None, more_is_better=False):
        self.title = title
        self.judged = Socksify.name  # whose number is held against the target
        self.show = show  # a format: '{:.2f} x'
        self.target = target  # '<= 2.0 x'
        self.notes = notes or {}  # what stands after somebody's number
        self.more_is_better = more_is_better or target.startswith('>')
        self.cells = {}

    def fill(self, numbers):
        self.cells.update(numbers)
        return self

    def text(self, who):
        cell = self.cells.get(who, '-')
        if isinstance(cell, str):
            return cell
        note = self.notes.get(who)
        return self.show.format(cell) + (f' ({note})' if note else '')

    def shown(self, number):
        """A number of which the digits that are not shown, and mean nothing, are gone."""
        return float(re.search(r'-?[0-9.]+', self.show.format(number).replace(',', ''))[0])

    def best_peer(self):
        """The name of the one with the best number, or none."""
        numbers = {who: cell for who, cell in self.cells.items()
                   if who not in NO_PEERS and not isinstance(cell, str)}
        best = max if self.more_is_better else min
        return best(numbers, key=numbers.get) if numbers else None

    def best_peer_text(self):
        best = self.best_peer()
        return f'{self.show.format(self.cells[best])} {best}' if best else ''

    def verdict(self):
        if not self.target:
            return ''
        ours = self.cells.get(self.judged, '-')
        comparison, number = re.match(r'([<>]=?) ([0-9.]+)', self.target.replace(',', '')).groups()
        compare = {'<': operator.lt, '<=': operator.le, '>': operator.gt, '>=': operator.ge}
        if isinstance(ours, str):
            return 'MISSED'
        return 'met' if compare[comparison](self.shown(ours), float(number)) else 'MISSED'

    def place(self):
        """Whether we are first, where there are peers."""
        best, ours = self.best_peer(), self.cells.get(self.judged, '-')
        if best is None:
            return 'alone' if any(who not in NO_PEERS for who in self.cells) else ''
        if isinstance(ours, str):
            return 'behind'
        ours, theirs = self.shown(ours), self.shown(self.cells[best])
        if ours == theirs:
            return 'level'
        return 'first' if (ours > theirs) == self.more_is_better else 'behind'


NO_PEERS = [kind.name for kind in (Contestant, Empty, Socksify, Supervised, Sealed, Filter)]
figures = []  # (heading, column) of all that was shown


def print_rows(rows, ruled):
    """The first word of each to the left, the others to the right; a rule before the rows `ruled`."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for i, row in enumerate(rows):
        if i in ruled:
            print('  ' + '-' * (sum(widths) + 2 * len(widths) - 2))
        line = [row[0].ljust(widths[0])] + [cell.rjust(w) for cell, w in zip(row[1:], widths[1:])]
        print(('  ' + '  '.join(line)).rstrip(), flush=True)


def table(heading, columns, judged=Socksify.name):
    """Print it: everybody who has a figure, the target, the best peer, and whether we met it."""
    names = []
    for column in columns:
        column.judged = judged
        names += [name for name in column.cells if name not in names]
        figures.append((heading, column))
    rows = [[''] + [column.title for column in columns]]
    rows += [[name] + [column.text(name) for column in columns] for name in names]
    rows += [['target'] + [column.target for column in columns],
             ['best peer'] + [column.best_peer_text() for column in columns],
             [''] + [column.verdict() for column in columns]]
    print(f'\n{heading}')
    print_rows(rows, (1, len(rows) - 3))


def summary():
    """Print all figures that were shown in one table: bare, us, the best of the peers, and our place."""
    rows = [['', 'bare', 'socksify', 'best peer', 'place', 'target', '']]
    ruled, latest = [], None
    for heading, column in figures:
        if heading != latest:
            ruled.append(len(rows))
            rows.append([heading] + [''] * 6)
            latest = heading
        rows.append([f'  {column.title}', column.text(Contestant.name), column.text(column.judged),
                     column.best_peer_text(), column.place(), column.target, column.verdict()])
    print('\nall of them')
    print_rows(rows, ruled)
