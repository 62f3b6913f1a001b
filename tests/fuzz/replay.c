/* SPDX-License-Identifier: MIT
 * A harness without a fuzzer: runs it on the files it is given. For compilers that know no
 * libFuzzer, and for coverage. */
#include "fuzz.h"

static void replay(const char *path)
{
    FILE *file = fopen(path, "rb");
    MUST(file && fseek(file, 0, SEEK_END) == 0);
    long len = ftell(file);
    MUST(len >= 0);
    rewind(file);
    uint8_t *data = malloc((size_t)len);
    MUST(data && fread(data, 1, (size_t)len, file) == (size_t)len);
    fclose(file);
    LLVMFuzzerTestOneInput(data, (size_t)len);
    free(data);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    return 0;
}
