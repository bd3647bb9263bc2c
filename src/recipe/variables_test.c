// SPDX-License-Identifier: Apache-2.0
/* What templates see: each case renders one line of a template of its own. */
#include "recipe/fixture.h"

struct variable_case {
    const char *name;
    enum recipe_kind kind;
    struct guest_file files[4];
    const char *template;
    const char *expected; /* NULL: an error E400 */
};

#define SET(key, manager, command, packages)                                                       \
    "[" key "]\nname = \"" key "\"\nmanager = \"" manager "\"\ninstall_cmd = \"" command           \
    "\"\npackages = " packages "\n"
#define INSTALL(key, manager, packages)                                                            \
    "[" key ".install]\nmanager = \"" manager "\"\npackages = " packages "\n"

static const struct variable_case cases[] = {
    { "the architecture's record",
      RECIPE_ROOTFS,
      { { 0 } },
      "{{ arch_name }} {{ arch.base_image }} {{ arch.docker_platform }} {{ arch.rust_target }} "
      "{{ arch.kernel_branch }} {{ arch.kernel_source }} {{ arch.kernel_image }} "
      "{{ arch.defconfig }} {{ arch.node_major }}",
      "x86_64 debian:bookworm-slim linux/amd64 x86_64-unknown-linux-musl 6.12 kernel.org "
      "arch/x86_64/boot/bzImage kernel/x.defconfig 24" },
    { "the kernel's variables",
      RECIPE_KERNEL,
      { { 0 } },
      "{{ kernel_version }} {{ kernel_source }}",
      "6.12.99 kernel.org" },
    { "the guest binaries' variables",
      RECIPE_AGENT,
      { { 0 } },
      "{{ guest_binaries }} {{ gnu_arch }} {{ compile_flags[0] }} "
      "{{ compile_flags | select('equalto', '-Os') | list | length }} {{ apt_packages is defined "
      "}}",
      "['agent'] x86_64 -static 1 False" },
    { "the rootfs has no kernel version", RECIPE_ROOTFS, { { 0 } }, "{{ kernel_version }}", NULL },
    { "nothing configured",
      RECIPE_ROOTFS,
      { { 0 } },
      "{{ apt_packages }} {{ python_packages }} {{ npm_packages }} {{ npm_prefix }} "
      "{{ curl_installs }} {{ guest_binaries }} {{ package_sets }} {{ needs_uv }}",
      "[] [] [] /opt/ai-clis [] ['agent'] [] False" },
    { "the python command's default",
      RECIPE_ROOTFS,
      { { 0 } },
      "{{ python_install_cmd }}",
      "uv pip install --system --break-system-packages" },
    { "sets with the keys apt and python",
      RECIPE_ROOTFS,
      { { "config/packages/a.toml", SET("apt", "apt", "apt-get install -y", "[\"git\", \"jq\"]")
                                        SET("python", "pip", "pip install", "[\"rich\"]") } },
      "{{ apt_packages }} {{ python_packages }} {{ python_install_cmd }} {{ package_sets }}",
      "['git', 'jq'] ['rich'] pip install []" },
    { "further sets and providers with apt, uv or pip",
      RECIPE_ROOTFS,
      { { "config/packages/a.toml", SET("more", "apt", "apt-get install", "[\"gcc\"]") },
        { "config/ai/a.toml", FIXTURE_PROVIDER("p", INSTALL("p", "pip", "[\"x\"]"))
                                  FIXTURE_PROVIDER("u", INSTALL("u", "uv", "[\"y\"]")) } },
      "{% for s in package_sets %}{{ s.name }}:{{ s.manager }}:{{ s.packages | join }} "
      "{% endfor %}{{ needs_uv }}",
      "more:apt:gcc p:pip:x u:uv:y True" },
    { "uv in a command needs uv",
      RECIPE_ROOTFS,
      { { "config/packages/a.toml", SET("python", "uv", "uv pip install", "[\"x\"]") } },
      "{{ needs_uv }}",
      "True" },
    { "npm providers in order, the last prefix",
      RECIPE_ROOTFS,
      { { "config/ai/1.toml",
          FIXTURE_PROVIDER("b", INSTALL("b", "npm", "[\"@a/b\", \"c\"]") "prefix = \"/one\"\n") },
        { "config/ai/2.toml",
          FIXTURE_PROVIDER("a", INSTALL("a", "npm", "[\"d\"]") "prefix = \"/two\"\n") },
        { "config/ai/3.toml",
          FIXTURE_PROVIDER("z", "enabled = false\n" INSTALL("z", "npm", "[\"off\"]")) } },
      "{{ npm_packages }} {{ npm_prefix }}",
      "['@a/b', 'c', 'd'] /two" },
    { "curl providers",
      RECIPE_ROOTFS,
      { { "config/ai/1.toml",
          FIXTURE_PROVIDER("b", INSTALL("b", "curl", "[\"https://x.org/i.sh\"]")) } },
      "{{ curl_installs }} {{ npm_packages }}",
      "['https://x.org/i.sh'] []" },
    { "shell_quote",
      RECIPE_ROOTFS,
      { { 0 } },
      "{{ 'a-b_c@1.2/+:=,%' | shell_quote }} {{ '' | shell_quote }} {{ \"it's\" | shell_quote }} "
      "{{ '$(x) `y`' | shell_quote }} {{ 'ä' | shell_quote }}",
      "a-b_c@1.2/+:=,% '' 'it'\\''s' '$(x) `y`' 'ä'" },
    { "shell_quote refuses a line end",
      RECIPE_ROOTFS,
      { { 0 } },
      "{{ 'a\\nEND\\nRUN b' | shell_quote }}",
      NULL },
};

static void variables(void **state) {
    const struct variable_case *c = *state;
    struct fixture f;
    struct recipe recipe;
    fixture_init(&f, c->files);
    struct recipe_request request = fixture_request(&f, c->kind);
    request.templates_dir = f.dir;
    fixture_put(&f, str_fmt(f.arena, "Dockerfile.%s.j2", recipe_kind_name(c->kind)).ptr,
                c->template);
    f.sink.len = f.sink.errors = 0;
    bool ok = recipe_render(f.arena, &request, &f.sources, &f.sink, &recipe, &f.err);
    if (c->expected == NULL) {
        assert_false(ok);
        assert_int_equal(f.sink.len, 1);
        assert_string_equal(f.sink.items[0].code->name, "E400");
        assert_true(str_ends(f.sources.items[f.sink.items[0].span.source]->path, S(".j2")));
    } else {
        assert_true(ok);
        assert_string_equal(str_to_c(f.arena, str_trim(recipe.text)), c->expected);
    }
    fixture_done(&f);
}

int main(void) {
    struct CMUnitTest tests[ARRAY_LEN(cases)];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        tests[i] = (struct CMUnitTest){ cases[i].name, variables, NULL, NULL, (void *)&cases[i] };
    }
    return cmocka_run_group_tests_name("variables", tests, NULL, NULL);
}
