// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "dockerfile/dockerfile.h"

struct fixture {
    struct arena *arena;
    struct sources sources;
    struct diag_sink sink;
    struct buf out;
    const struct dockerfile *file;
};

static int setup(void **state) {
    static struct fixture f;
    f.arena = arena_new();
    sources_init(&f.sources, f.arena);
    diag_sink_init(&f.sink, f.arena, &f.sources);
    f.out = BUF_INIT(1024 * 1024);
    f.file = NULL;
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    buf_done(&f->out);
    arena_free(f->arena);
    return 0;
}

static bool parse(struct fixture *f, str text) {
    uint32_t source = sources_add(&f->sources, S("Dockerfile"), text);
    return dockerfile_parse(f->arena, &f->sink, source, &f->file);
}

/* Instruction `index` of the only stage of "FROM base\n" and `text`. */
static const struct dockerfile_instruction *one(struct fixture *f, const char *text) {
    bool ok = parse(f, str_fmt(f->arena, "FROM base\n%s", text));
    if (!ok) {
        fail_msg("'%s': %.*s", text, STR_FMT(f->sink.items[0].message));
    }
    assert_int_equal(f->file->stage_count, 1);
    assert_int_equal(f->file->stages[0].instruction_count, 1);
    return f->file->stages[0].instructions[0];
}

static void check_str(str got, const char *wanted) {
    if (!str_eq(got, str_from_c(wanted))) {
        fail_msg("got '%.*s', wanted '%s'", STR_FMT(got), wanted);
    }
}

/* The text of the file that a span covers. */
static void check_span(struct fixture *f, struct span span, const char *wanted) {
    assert_true(span_is_set(span));
    check_str(str_slice(f->sources.items[span.source]->text, span.start, span.end), wanted);
}

static void stages_hold_their_instructions(void **state) {
    struct fixture *f = *state;
    assert_true(parse(f, S("ARG V=1 W\n"
                           "ARG X\n"
                           "FROM --platform=$BUILDPLATFORM golang:$V As Build\n"
                           "RUN make\n"
                           "WORKDIR /src\n"
                           "\n"
                           "from scratch\n"
                           "COPY --from=build /out /\n")));
    assert_int_equal(f->file->global_arg_count, 2);
    assert_int_equal(f->file->global_args[0]->pairs.len, 2);
    assert_int_equal(f->file->stage_count, 2);
    const struct dockerfile_stage *build = &f->file->stages[0];
    check_str(build->from->from.base.text, "golang:$V");
    check_span(f, build->from->from.base.span, "golang:$V");
    check_str(build->from->from.platform.text, "$BUILDPLATFORM");
    check_span(f, build->from->from.platform.span, "$BUILDPLATFORM");
    check_str(build->from->from.name.text, "build");
    check_span(f, build->from->from.name.span, "Build");
    assert_int_equal(build->instruction_count, 2);
    assert_int_equal(build->instructions[1]->kind, DOCKERFILE_WORKDIR);
    const struct dockerfile_stage *last = &f->file->stages[1];
    assert_int_equal(last->index, 1);
    assert_false(dockerfile_word_is_set(last->from->from.name));
    check_str(last->from->text, "FROM scratch");
    check_str(last->instructions[0]->copy.from.text, "build");
}

static void directives_end_at_the_first_other_line(void **state) {
    struct fixture *f = *state;
    assert_true(parse(f, S("\xEF\xBB\xBF# syntax = docker/dockerfile:1\n"
                           "#CHECK=skip=all;error=true \n"
                           "#\tescape=`\r\n"
                           "# comment\n"
                           "# syntax=other\n"
                           "FROM `\n  base\n")));
    check_str(f->file->syntax.text, "docker/dockerfile:1");
    check_str(f->file->check.text, "skip=all;error=true");
    check_str(f->file->escape_directive.text, "`");
    check_span(f, f->file->syntax.span, "docker/dockerfile:1");
    assert_int_equal(f->file->escape, '`');
    check_str(f->file->stages[0].from->from.base.text, "base");

    assert_true(parse(f, S("\n# escape=`\nFROM base\n")));
    assert_int_equal(f->file->escape, '\\');
    assert_false(dockerfile_word_is_set(f->file->syntax));
}

static void spans_find_their_way_through_continuations(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_instruction *in = one(f, "COPY --chown=1 \\\n"
                                                     "  # a comment\n"
                                                     "  first \\\n"
                                                     "\n"
                                                     "  sec\\\n"
                                                     "ond /dest\n");
    check_str(in->text, "COPY --chown=1   first   second /dest");
    check_span(f, in->keyword, "COPY");
    check_str(in->copy.sources[0].word.text, "first");
    check_span(f, in->copy.sources[0].word.span, "first");
    check_str(in->copy.sources[1].word.text, "second");
    check_span(f, in->copy.sources[1].word.span, "sec\\\nond");
    check_span(f, in->copy.destination.span, "/dest");
    check_span(f, in->flags[0].span, "--chown=1");
    struct position at =
        sources_position(&f->sources, in->span.source, in->empty_continuation.start);
    assert_int_equal(at.line, 5);
    assert_int_equal(in->span.start, 10);
    assert_int_equal(in->span.end, in->copy.destination.span.end);
}

static void commands_have_two_forms(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_instruction *in = one(f, "CMD [ \"a b\", \"\\u20ac\\n\" ]  \n");
    assert_true(in->command.exec);
    assert_int_equal(in->command.argc, 2);
    check_str(in->command.argv[0], "a b");
    check_str(in->command.argv[1], "\xE2\x82\xAC\n");
    in = one(f, "ENTRYPOINT echo [\"x\"]  \n");
    assert_false(in->command.exec);
    check_str(in->command.shell_text, "echo [\"x\"]");
    in = one(f, "RUN [\"a\"] || true\n"); /* text after the array: no JSON */
    assert_false(in->run.command.exec);
    check_str(in->run.script, "[\"a\"] || true");
    in = one(f, "RUN [ -f /x ] && y\n");
    check_str(in->run.script, "[ -f /x ] && y");
    in = one(f, "RUN [\"a\"]\n");
    assert_true(in->run.command.exec);
    assert_null(in->run.script.ptr);
    in = one(f, "CMD []\n");
    assert_true(in->command.exec);
    assert_int_equal(in->command.argc, 0);
    in = one(f, "SHELL [\"/bin/bash\", \"-c\"]\n");
    assert_int_equal(in->command.argc, 2);
}

static void run_keeps_its_flags_in_order(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_instruction *in =
        one(f, "RUN --mount=type=cache,target=/a --network=none --mount='target=/b,from=x' "
               "--security=sandbox \\\n  --device=vendor.com/x=1 -- make --jobs\n");
    assert_int_equal(in->flag_count, 5);
    assert_int_equal(in->run.mount_count, 2);
    check_str(in->run.mounts[0].text, "type=cache,target=/a");
    check_span(f, in->run.mounts[0].span, "type=cache,target=/a");
    check_str(in->run.mounts[1].text, "target=/b,from=x");
    check_str(in->run.network.text, "none");
    check_str(in->run.security.text, "sandbox");
    check_str(in->run.devices[0].text, "vendor.com/x=1");
    check_str(in->run.script, "make --jobs");
}

static void run_reads_heredocs(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_instruction *in = one(f, "RUN <<EOF\n  apt update\nEOF\n");
    check_str(in->text, "RUN <<EOF");
    check_str(in->run.script, "  apt update\n");
    assert_false(in->run.is_script);
    check_span(f, in->span, "RUN <<EOF\n  apt update\nEOF");
    check_span(f, in->heredocs[0].body_span, "  apt update\n");
    check_span(f, in->heredocs[0].word_span, "<<EOF");

    in = one(f, "RUN <<-EOF\n\t\techo x\n\tEOF\n");
    check_str(in->run.script, "echo x\n");
    in = one(f, "RUN <<-EOF\n\t\t#!/bin/awk -f\n\tBEGIN {}\nEOF\n");
    assert_true(in->run.is_script);
    check_str(in->run.script, "#!/bin/awk -f\nBEGIN {}\n");
    in = one(f, "RUN <<EOF\n\t#!/bin/awk -f\nEOF\n");
    assert_false(in->run.is_script);
    in = one(f, "RUN <<EOF\n#!/usr/bin/python3\nprint()\nEOF\n");
    assert_true(in->run.is_script);
    in = one(f, "RUN --network=none cat <<A 3<<\"B C\" > /x\none\nA\ntwo $x\nB C\n");
    assert_int_equal(in->heredoc_count, 2);
    check_str(in->heredocs[1].name, "B C");
    assert_int_equal(in->heredocs[1].fd, 3);
    assert_true(in->heredocs[0].expand);
    assert_false(in->heredocs[1].expand);
    check_str(in->run.script, "cat <<A 3<<\"B C\" > /x\none\nA\ntwo $x\nB C");
}

static void blanks_may_stand_before_the_name_of_a_heredoc(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *text;
        const char *name;
    } cases[] = {
        { "RUN cat << EOF > /hello.txt\nhello\nEOF\n", "EOF" },
        { "RUN cat <<  \t EOF\nhello\nEOF\n", "EOF" },
        { "RUN cat <<- EOF > /x\n\thello\n\tEOF\n", "EOF" },
        { "RUN cat 3<< \"E F\"\nhello\nE F\n", "E F" },
        { "RUN << EOF\nhello\nEOF\n", "EOF" },
        { "RUN echo $((1 << 20)) << EOF\nhello\nEOF\n", "EOF" },
        { "COPY << a.txt /\nhello\na.txt\n", "a.txt" },
        { "COPY b <<- 'a.txt' c /d/\n\thello\n\ta.txt\n", "a.txt" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct dockerfile_instruction *in = one(f, cases[i].text);
        assert_int_equal(in->heredoc_count, 1);
        check_str(in->heredocs[0].name, cases[i].name);
        check_str(dockerfile_heredoc_content(f->arena, &in->heredocs[0]), "hello\n");
    }
    const struct dockerfile_instruction *in = one(f, "RUN << EOF\nhello\nEOF\n");
    check_str(in->run.script, "hello\n");
    in = one(f, "COPY b << a.txt c /d/\nhello\na.txt\n");
    assert_int_equal(in->copy.source_count, 3);
    assert_ptr_equal(in->copy.sources[1].heredoc, &in->heredocs[0]);
    check_span(f, in->copy.sources[1].word.span, "<< a.txt");
}

static void what_only_looks_like_a_heredoc_is_none(void **state) {
    struct fixture *f = *state;
    static const char *const cases[] = {
        "RUN cat <<<word",          "RUN echo $((1<<2))",   "RUN echo '<<EOF'",
        "RUN echo \"<<EOF\"",       "RUN echo \\<<EOF",     "RUN echo it's <<EOF",
        "RUN [\"cat\", \"<<EOF\"]", "CMD cat <<EOF",        "RUN a <<",
        "COPY [\"<<EOF\", \"/x\"]", "RUN x<<EOF",           "ENV A=<<EOF",
        "RUN cat <<< word",         "RUN echo $((1 << 2))", "RUN x << <y",
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(one(f, cases[i])->heredoc_count, 0);
    }
}

static void copy_takes_paths_and_heredocs(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_instruction *in =
        one(f, "COPY --link --chmod=u=rwX --exclude=*.o --exclude=*.d --parents=false a <<-\"E\" "
               "b<<c /d/\n\t$x\n\tE\n");
    const struct dockerfile_copy *copy = &in->copy;
    assert_int_equal(copy->source_count, 3);
    assert_null(copy->sources[0].heredoc);
    assert_ptr_equal(copy->sources[1].heredoc, &in->heredocs[0]);
    assert_null(copy->sources[2].heredoc);
    check_str(dockerfile_heredoc_content(f->arena, copy->sources[1].heredoc), "$x\n");
    check_str(copy->destination.text, "/d/");
    check_str(copy->chmod.text, "u=rwX");
    assert_int_equal(copy->exclude_count, 2);
    check_str(copy->excludes[1].text, "*.d");
    assert_true(copy->link);
    assert_false(copy->parents);
    assert_false(dockerfile_word_is_set(copy->from));

    in = one(f, "ADD --checksum=sha256:00 --keep-git-dir=TRUE --unpack=false [\"a b\", \"c\"]\n");
    assert_true(in->copy.json);
    check_str(in->copy.sources[0].word.text, "a b");
    assert_true(in->copy.keep_git_dir);
    assert_true(in->copy.unpack_set);
    assert_false(in->copy.unpack);
    check_str(in->copy.checksum.text, "sha256:00");
}

static void pairs_keep_quotes_and_variables(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_instruction *in = one(f, "ENV a=\"b c\" d=e\\ f g=$h i=\n");
    assert_int_equal(in->pairs.len, 4);
    check_str(in->pairs.items[0].value.text, "\"b c\"");
    check_str(in->pairs.items[1].value.text, "e\\ f");
    check_str(in->pairs.items[3].value.text, "");
    assert_true(dockerfile_word_is_set(in->pairs.items[3].value));
    check_span(f, in->pairs.items[1].name.span, "d");
    in = one(f, "LABEL one  two = three\n");
    assert_int_equal(in->pairs.len, 1);
    assert_true(in->pairs.items[0].legacy);
    check_str(in->pairs.items[0].value.text, "two = three");
    in = one(f, "ARG x y=\"1 2\" z=\n");
    assert_int_equal(in->pairs.len, 3);
    assert_false(dockerfile_word_is_set(in->pairs.items[0].value));
    check_str(in->pairs.items[1].value.text, "\"1 2\"");
    assert_true(dockerfile_word_is_set(in->pairs.items[2].value));
}

static void healthchecks_have_durations(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_instruction *in =
        one(f, "HEALTHCHECK --interval=1m30s --timeout=1.5s --start-period=0 --retries=3 "
               "--start-interval=250ms \\\n CMD curl -f localhost || exit 1\n");
    assert_int_equal(in->health.interval_ns, 90000000000);
    assert_int_equal(in->health.timeout_ns, 1500000000);
    assert_int_equal(in->health.start_interval_ns, 250000000);
    assert_int_equal(in->health.start_period_ns, 0);
    assert_int_equal(in->health.retries, 3);
    check_str(in->health.command.shell_text, "curl -f localhost || exit 1");
    in = one(f, "healthcheck cmd [\"a\"]\n");
    assert_true(in->health.command.exec);
    in = one(f, "HEALTHCHECK NONE\n");
    assert_true(in->health.none);
}

static void words_and_lists(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_instruction *in = one(f, "EXPOSE 80 443/tcp  $P\n");
    assert_int_equal(in->words.len, 3);
    check_str(in->words.items[2].text, "$P");
    in = one(f, "VOLUME [\"/a b\", \"/c\"]\n");
    check_str(in->words.items[0].text, "/a b");
    in = one(f, "VOLUME /a /b\n");
    assert_int_equal(in->words.len, 2);
    check_str(one(f, "WORKDIR /a b/$c \n")->word.text, "/a b/$c");
    check_str(one(f, "USER 1000:1000\n")->word.text, "1000:1000");
    check_str(one(f, "STOPSIGNAL SIGQUIT\n")->word.text, "SIGQUIT");
    check_str(one(f, "MAINTAINER A B <c@d>\n")->word.text, "A B <c@d>");
}

static void onbuild_holds_an_instruction(void **state) {
    struct fixture *f = *state;
    const struct dockerfile_instruction *in = one(f, "OnBuild run <<E\necho\nE\n");
    check_str(in->onbuild.trigger, "run <<E\necho\nE");
    assert_int_equal(in->onbuild.inner->kind, DOCKERFILE_RUN);
    check_str(in->onbuild.inner->run.script, "echo\n");
    check_span(f, in->span, "OnBuild run <<E\necho\nE");

    uint32_t source = sources_add(&f->sources, S("trigger"), in->onbuild.trigger);
    const struct dockerfile_instruction *trigger;
    assert_true(dockerfile_parse_trigger(f->arena, &f->sink, source, &trigger));
    check_str(trigger->run.script, "echo\n");
    source = sources_add(&f->sources, S("trigger"), S("FROM x"));
    assert_false(dockerfile_parse_trigger(f->arena, &f->sink, source, &trigger));
    source = sources_add(&f->sources, S("trigger"), S("RUN x\nRUN y"));
    assert_false(dockerfile_parse_trigger(f->arena, &f->sink, source, &trigger));
}

/* ---- mistakes: what is said, and where ---- */

static const struct mistake {
    const char *text;
    const char *place; /* the text that the span covers */
    const char *message;
    const char *help;
} mistakes[] = {
    { "", "", "the Dockerfile has no instructions", "it begins with FROM <image>" },
    { "# only a comment\n\n", "", "the Dockerfile has no instructions",
      "it begins with FROM <image>" },
    { "ARG x\n", "", "the Dockerfile has no FROM", "" },
    { "RUN x\nRUN y\nFROM z\n", "RUN", "RUN before the first FROM",
      "only ARG may come before 'FROM <image>'" },
    { "FROM a\nRUNN x\n", "RUNN", "unknown instruction 'RUNN'", "did you mean 'RUN'?" },
    { "FROM a\nRUN x\n  && y\n", "&&", "unknown instruction '&&'",
      "is a '\\' missing at the end of the line before?" },
    { "FROM a\nCOPY --form=b c d\n", "--form=b", "COPY has no flag '--form'",
      "did you mean '--from'?" },
    { "FROM a\nENV --x=1 b=c\n", "--x=1", "ENV has no flag '--x'", "" },
    { "FROM a\nCOPY --chown c d\n", "--chown", "--chown needs a value", "" },
    { "FROM a\nRUN --mount x\n", "--mount", "--mount needs a value", "" },
    { "FROM a\nCOPY --link=maybe c d\n", "--link=maybe", "--link needs true or false, or no value",
      "" },
    { "FROM a\nCOPY --from=b --from=c d e\n", "--from=c", "--from is given twice", "" },
    { "FROM a\nCOPY b\n", "b", "COPY has no destination",
      "it is written COPY <source>... <destination>" },
    { "FROM a\nADD\n", "ADD", "ADD without arguments",
      "it is written ADD <source>... <destination>" },
    { "FROM a\nCOPY <<A <<B\nA\nB\n", "<<B", "the destination of COPY cannot be a heredoc", "" },
    { "FROM a\nCOPY [\"a\", \"\"]\n", "\"\"", "the destination of COPY is empty", "" },
    { "FROM a\nCOPY --from=$x a b\n", "$x", "variables are not expanded in --from",
      "give the image a stage of its own: 'FROM <image with variables> AS name'" },
    { "FROM a b\n", "b", "only 'AS <name>' may follow the image",
      "it is written FROM <image> [AS <name>]" },
    { "FROM a AS 9lives\n", "9lives", "'9lives' cannot be the name of a stage",
      "a name starts with a letter and has only letters, digits, '-', '_' and '.'" },
    { "FROM a as b c\n", "a as b c", "FROM with 4 arguments",
      "it is written FROM <image> [AS <name>]" },
    { "FROM a\nENV x\n", "x", "ENV 'x' has no value", "write 'ENV x='... for an empty one" },
    { "FROM a\nLABEL a=b c\n", "c", "no '=' in 'c'",
      "LABEL takes name=value; a value with spaces needs quotes" },
    { "FROM a\nENV =b\n", "=", "a name of ENV is empty", "" },
    { "ARG =b\nFROM a\n", "=", "a name of ARG is empty", "" },
    { "FROM a\nRUN []\n", "RUN", "RUN without arguments", "it is written RUN <command>" },
    { "FROM a\nCMD\n", "CMD", "CMD without a command",
      "use 'CMD []' to clear the one from the base image" },
    { "FROM a\nRUN [\"a\", 1]\n", "1", "the array of RUN may hold only strings",
      "put double quotes around each element" },
    { "FROM a\nRUN [\"a\\u0000\"]\n", "[\"a\\u0000\"]", "an argument holds a NUL byte", "" },
    { "FROM a\nSHELL /bin/sh -c\n", "/bin/sh -c", "SHELL needs a JSON array of strings",
      "for example SHELL [\"/bin/bash\", \"-c\"]" },
    { "FROM a\nRUN --network=bridge x\n", "bridge",
      "--network must be default, none or host, not 'bridge'", "" },
    { "FROM a\nRUN --mount=type=cache,target x\n", "target", "'target' needs a value", "" },
    { "FROM a\nRUN cat <<EOF\nx\n EOF\n", "<<EOF", "heredoc 'EOF' is not ended",
      "end it with a line that holds 'EOF' and nothing else" },
    { "FROM a\nHEALTHCHECK TCP 80\n", "TCP", "HEALTHCHECK must be CMD or NONE, not 'TCP'",
      "write HEALTHCHECK CMD TCP 80" },
    { "FROM a\nHEALTHCHECK NONE x\n", "x", "HEALTHCHECK NONE takes no arguments", "" },
    { "FROM a\nHEALTHCHECK CMD\n", "CMD", "HEALTHCHECK CMD without a command", "" },
    { "FROM a\nHEALTHCHECK --timeout=5 CMD x\n", "5", "--timeout: '5' is not a duration",
      "for example 30s, 1m30s or 500ms" },
    { "FROM a\nHEALTHCHECK --timeout=5us CMD x\n", "5us", "--timeout cannot be less than 1ms", "" },
    { "FROM a\nHEALTHCHECK --retries=-1 CMD x\n", "-1",
      "--retries must be a number of at least 0, not '-1'", "" },
    { "FROM a\nONBUILD\n", "ONBUILD", "ONBUILD without an instruction", "" },
    { "FROM a\nONBUILD FROM b\n", "FROM", "FROM cannot be a trigger of ONBUILD", "" },
    { "FROM a\nONBUILD ONBUILD RUN b\n", "ONBUILD", "ONBUILD cannot be a trigger of ONBUILD", "" },
    { "FROM a\nVOLUME [\"\"]\n", "\"\"", "a word of VOLUME is empty", "" },
    { "# escape=x\nFROM a\n", "x", "the escape character must be '\\' or '`', not 'x'",
      "write '# escape=`', or leave the directive out" },
    { "# syntax=a\n# syntax=b\nFROM a\n", "syntax", "directive 'syntax' is given twice", "" },
};

static void mistakes_are_reported_at_their_place(void **state) {
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        const struct mistake *m = &mistakes[i];
        f->sink.len = 0;
        assert_false(parse(f, str_from_c(m->text)));
        assert_int_equal(f->sink.len, 1);
        const struct diag *d = &f->sink.items[0];
        assert_string_equal(d->code->name, "E401");
        check_str(d->message, m->message);
        check_str(d->help, m->help);
        check_span(f, d->span, m->place);
    }
}

static void all_mistakes_are_reported(void **state) {
    struct fixture *f = *state;
    assert_false(parse(f, S("FORM a\nFROM a AS 1\nRUNN x\nCOPY --form=x y\nENV\n")));
    assert_int_equal(f->sink.len, 6); /* COPY has two */
}

static void a_binary_file_is_refused(void **state) {
    struct fixture *f = *state;
    assert_false(parse(f, S("FROM a\nRUN \0\n")));
    check_str(f->sink.items[0].message, "a NUL byte: this is not a text file");
    assert_int_equal(f->sink.items[0].span.start, 11);
}

static void limits_are_diagnostics(void **state) {
    struct fixture *f = *state;
    AUTO_BUF text = BUF_INIT(32 * 1024 * 1024);
    buf_add_c(&text, "FROM a\nRUN ");
    buf_add_repeat(&text, 'x', DOCKERFILE_LINE_MAX);
    assert_false(parse(f, buf_str(&text)));
    check_str(f->sink.items[0].message, "the instruction is longer than 1048576 bytes");

    buf_reset(&text);
    for (int i = 0; i <= DOCKERFILE_STAGES_MAX; i++) {
        buf_add_c(&text, "FROM a\n");
    }
    f->sink.len = 0;
    assert_false(parse(f, buf_str(&text)));
    assert_int_equal(f->sink.len, 1);

    buf_reset(&text); /* a word of this many is fine, one that nests as deep must not crash */
    for (int i = 0; i < 100000; i++) {
        buf_add_c(&text, "ONBUILD ");
    }
    f->sink.len = 0;
    assert_false(parse(f, buf_str(&text)));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(stages_hold_their_instructions),
        CASE(directives_end_at_the_first_other_line),
        CASE(spans_find_their_way_through_continuations),
        CASE(commands_have_two_forms),
        CASE(run_keeps_its_flags_in_order),
        CASE(run_reads_heredocs),
        CASE(blanks_may_stand_before_the_name_of_a_heredoc),
        CASE(what_only_looks_like_a_heredoc_is_none),
        CASE(copy_takes_paths_and_heredocs),
        CASE(pairs_keep_quotes_and_variables),
        CASE(healthchecks_have_durations),
        CASE(words_and_lists),
        CASE(onbuild_holds_an_instruction),
        CASE(mistakes_are_reported_at_their_place),
        CASE(all_mistakes_are_reported),
        CASE(a_binary_file_is_refused),
        CASE(limits_are_diagnostics),
    };
    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
