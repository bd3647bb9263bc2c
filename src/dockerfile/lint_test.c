// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dockerfile/lint.h"

struct check {
    const char *text;
    const char *codes; /* in the order of reporting, a space between them */
};

/* debian sets HOME and nothing else; other images are not known. */
static bool image_has(void *self, str image, str name, bool *ret_has) {
    (void)self;
    *ret_has = str_eq(name, S("HOME"));
    return str_eq(image, S("debian"));
}

static const struct check cases[] = {
    /* names and keywords */
    { "FROM a AS b\nFROM a AS c-1\n", "" },
    { "FROM a AS B\nFROM a AS b\n", "W401 W405" },
    { "from a AS b\n", "W402" },
    { "from a as b\nrun x\nRUN y\n", "W404" },
    { "FROM a\nRun x\n", "W404" },
    { "FROM a AS context\n", "W406" },
    { "FROM a\nRUN x \\\n\n  y\n", "W403" },
    { "FROM a\nRUN x \\\n  # c\n  y\n", "" },
    /* FROM */
    { "FROM $A\n", "W409" },
    { "ARG A=x\nFROM $A:$TARGETARCH\n", "" },
    { "ARG A=x\nFROM $A:${T:-1}\n", "" },
    { "ARG A\nFROM $A\n", "W416" },
    { "ARG A=x:\nFROM $A\n", "W416" },
    { "ARG A=x:1@sha256:0\nFROM r/$A\n", "" },
    { "FROM --platform=${TARGETPLATFORM} a\n", "W414" },
    { "FROM --platform=linux/amd64 a\n", "W417" },
    { "FROM --platform=linux/amd64 a AS amd64-x\n", "" },
    { "FROM --platform=$BUILDPLATFORM a\n", "" },
    /* commands */
    { "FROM a\nCMD x\n", "W407" },
    { "FROM a\nSHELL [\"x\"]\nCMD x\nENTRYPOINT y\n", "" },
    { "FROM a AS b\nSHELL [\"x\"]\nFROM b\nCMD x\n", "" },
    { "FROM a\nENTRYPOINT [\"x\"]\nCMD [\"y\"]\n", "" },
    { "FROM a\nCMD [\"x\"]\nCMD [\"y\"]\nCMD [\"z\"]\n", "W412 W412" },
    { "FROM a AS b\nCMD [\"x\"]\nFROM b\nCMD [\"y\"]\n", "" },
    { "FROM a\nHEALTHCHECK NONE\nHEALTHCHECK NONE\n", "W412" },
    { "FROM a\nMAINTAINER x\n", "W408" },
    /* paths */
    { "FROM a\nWORKDIR b\nWORKDIR c\n", "W410" },
    { "FROM a\nWORKDIR /b\nWORKDIR c\n", "" },
    { "FROM a AS b\nWORKDIR /b\nFROM b\nWORKDIR c\n", "" },
    { "FROM a\nARG W=/x\nWORKDIR $W/y\n", "" },
    /* variables */
    { "FROM debian\nWORKDIR $HOME/x\nUSER $USERNAME\n", "W411" },
    { "FROM unknown\nUSER $USERNAME\n", "" },
    { "FROM unknown\nARG USERNAME=x\nUSER $USERNAM\n", "W411" },
    { "FROM scratch\nUSER ${A:-x}${B-x}${C:+x}\n", "" },
    { "FROM scratch\nUSER $A\n", "W411" },
    { "FROM scratch AS b\nENV A=1\nFROM b\nUSER $A\n", "" },
    { "FROM scratch AS b\nARG A=1\nFROM b\nUSER $A\n", "W411" },
    { "FROM scratch\nENV A=1 B=$A\n", "W411" },
    { "FROM scratch\nCOPY --chown=$X a '$Y' /\n", "W411" },
    { "FROM scratch\nRUN echo $X\nENV P=$PATH\n", "" },
    /* pairs */
    { "FROM a\nENV A b\nLABEL c d\n", "W413 W413" },
    { "FROM a\nENV MY_PASSWORD=1 KEYS=1 MONKEY=1 auth=1\nARG PUBLIC_KEY\nLABEL token=1\n",
      "W415 W415" },
    { "FROM a\nENV SECRET_FILE=/x AUTH_MODULE_VERSION=1 token_file=/y\nARG FILE_KEY PROFILE_KEY\n",
      "W415" },
    /* COPY and EXPOSE */
    { "FROM a\nCOPY left/out kept *.out left /x\nADD https://h/left /y\n", "W418 W418" },
    { "FROM a\nCOPY --from=b left /x\n", "" },
    { "FROM a\nEXPOSE 80/Tcp 1-2/UDP 0.0.0.0:80 $X\n", "W420 W420 W421" },
    /* the directive */
    { "# check=skip=all\nFROM a AS B\nMAINTAINER x\n", "" },
    { "# check=error=true; skip = maintainerdeprecated,StageNameCasing \nFROM a AS B\n", "" },
    { "# check=skip=Unknown\nFROM a AS B\n", "W401" },
    { "# A does it\nARG A\n# B\nARG X B\n# what\nFROM a AS b\n", "" },
    { "# check=experimental=all\n\n# A does it\nARG A\n# B\nARG X B\n\n# c\n\nFROM a AS b\n", "" },
    { "# check=experimental=all\nARG A\n# what\nFROM a AS b\n", "W419" },
    { "# check=experimental=all\n\n# b x\n# check=skip=all\nFROM a AS b\n", "" },
    { "# check=experimental=all\n\n# x\n# check=skip=FromAsCasing\nFROM a AS b\n", "W419" },
    /* comments above one instruction */
    { "FROM a\n# check=skip=JSONArgsRecommended\nCMD x\nENTRYPOINT y\n", "W407" },
    { "FROM a\n#check=skip=JSONArgsRecommended // why; skip=x\n# why\nCMD x\n", "" },
    { "FROM a\n# check=skip=JSONArgsRecommended\n\nCMD x\n", "W407" },
    { "FROM a\n# check=skip=StageNameCasing\nCMD x\n", "W407" },
    { "FROM a\n# check=skip=StageNameCasing\n# Check = skip=JSONArgsRecommended\nCMD x\n", "" },
    { "FROM a\n# check=skip=all\nCMD [\"x\"]\nCMD [\"y\"]\n", "" },
    { "FROM a\nCMD [\"x\"]\n# check=skip=all\nCMD [\"y\"]\n", "W412" },
    { "FROM a AS b\n# check=skip=StageNameCasing\nFROM a AS B\n", "W405" },
    { "FROM a\nRUN x\n# check=skip=NoEmptyContinuation\nRUN x \\\n\n  y\n", "" },
    { "ARG A=1\n# check=skip=SecretsUsedInArgOrEnv\nARG KEY\nFROM a\n", "" },
    { "# check=skip=MaintainerDeprecated // of old\nFROM a\nMAINTAINER x\n", "" },
    { "FROM a\n# checks=skip=all\nCMD x\n# check\nENTRYPOINT y\n", "W407 W407" },
    { "# check=experimental=all;skip=InvalidDefinitionDescription\n# what\nFROM a AS b\n", "" },
};

static void rules_find_what_they_are_for(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA arena = arena_new();
        struct sources sources;
        struct diag_sink sink;
        sources_init(&sources, arena);
        diag_sink_init(&sink, arena, &sources);
        const struct dockerfile *file;
        const struct dockerfile_word pattern = { S("left"), SPAN_NONE };
        struct dockerfile_lint options = { .image_has = image_has };
        uint32_t source = sources_add(&sources, S("Dockerfile"), str_from_c(cases[i].text));
        assert_true(dockerfile_parse(arena, &sink, source, &file));
        assert_true(dockerfile_ignore_from_words(arena, &sink, &pattern, 1, &options.ignore));
        dockerfile_lint(arena, &sink, file, &options);
        AUTO_BUF codes = BUF_INIT(1024);
        for (size_t n = 0; n < sink.len; n++) {
            buf_addf(&codes, "%s%s", n == 0 ? "" : " ", sink.items[n].code->name);
        }
        if (!str_eq(buf_str(&codes), str_from_c(cases[i].codes))) {
            fail_msg("%s: '%.*s' and not '%s'", cases[i].text, STR_FMT(buf_str(&codes)),
                     cases[i].codes);
        }
    }
}

static void findings_may_end_a_build(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool is_error;
    } files[] = {
        { "FROM a\n", false },
        { "# check=error=true\nFROM a\n", true },
        { "# check=skip=all;ERROR = True\nFROM a\n", true },
        { "# check=error=false\nFROM a\n", false },
        { "# check=error\nFROM a\n", false },
        { "# check=error=true // always\nFROM a\n", true },
        { "FROM a\n# check=error=true\nCMD x\n", false },
    };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        AUTO_ARENA arena = arena_new();
        struct sources sources;
        struct diag_sink sink;
        sources_init(&sources, arena);
        diag_sink_init(&sink, arena, &sources);
        const struct dockerfile *file;
        const struct dockerfile_lint options = { 0 };
        const struct dockerfile_lint given = { .check = S("error=true") };
        uint32_t source = sources_add(&sources, S("Dockerfile"), str_from_c(files[i].text));
        assert_true(dockerfile_parse(arena, &sink, source, &file));
        assert_int_equal(dockerfile_lint_is_error(file, &options), files[i].is_error);
        assert_true(dockerfile_lint_is_error(file, &given));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_find_what_they_are_for),
        cmocka_unit_test(findings_may_end_a_build),
    };
    return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
