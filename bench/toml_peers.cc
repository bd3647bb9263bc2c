// SPDX-License-Identifier: Apache-2.0
// The parsers that C++ programs use, timed as bench/toml.c times ours: FILE ROUNDS prints the best
// processor time in ms. bench/front compiles it once for each, with -DTOMLPLUSPLUS or -DCPPTOML.
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#if defined(TOMLPLUSPLUS)
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>
static bool parse(const std::string &text) {
    return !toml::parse(std::string_view(text)).empty();
}
#else
#include <cpptoml.h>
static bool parse(const std::string &text) {
    std::istringstream in(text);
    return !cpptoml::parser(in).parse()->empty();
}
#endif

int main(int argc, char **argv) {
    if (argc != 3) {
        return 2;
    }
    std::ifstream file(argv[1], std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    double best = 1e300;
    for (int i = std::atoi(argv[2]); i > 0; i--) {
        const std::clock_t start = std::clock(); // processor time
        if (!parse(text)) {
            return 1;
        }
        const double took = 1e3 * static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
        best = took < best ? took : best;
    }
    std::printf("%.3f\n", best);
}
