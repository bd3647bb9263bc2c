// SPDX-License-Identifier: Apache-2.0
/* What steps see of this machine, and what of its credentials they do not see. */
#include "base/testing.h"

#include "build/build.h"

struct fixture {
    struct test_folder folder;
    struct store *store;
    struct build_host host;
    struct err err;
};

static const char *const variables[] = {
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "ftp_proxy",
    "all_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "FTP_PROXY",
    "ALL_PROXY",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL",
    "GOPROXY",
    "GOFLAGS",
    "PIP_CONFIG_FILE",
    "NPM_CONFIG_USERCONFIG",
    "NPM_CONFIG_GLOBALCONFIG",
    "NPM_CONFIG_REGISTRY",
    "npm_config_registry",
    "SSL_CERT_FILE",
    "HOME",
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    f->folder = test_folder();
    f->host.work = STORE_WORK_INIT;
    test_dir(&f->folder, "store");
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        unsetenv(variables[i]);
    }
    setenv("HOME", f->folder.path, 1);
    assert_true(store_open(test_path(&f->folder, "store"), &f->store, &f->err));
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    build_host_done(&f->host);
    store_close(f->store);
    test_folder_done(&f->folder);
    free(f);
    return 0;
}

static void settle(struct fixture *f, unsigned credentials) {
    const struct build_share share = { .credentials = credentials };
    build_host_done(&f->host);
    assert_true(build_host_make(f->folder.arena, f->store, &share, S(""), &f->host, &f->err));
}

static const char *variable(struct fixture *f, const char *name) {
    const str *value = oci_pairs_find(&f->host.env, str_from_c(name));
    return value == NULL ? "-" : test_text(&f->folder, *value);
}

static const char *file(struct fixture *f, const char *name) {
    str text;
    const char *path = str_fmt(f->folder.arena, "capsem/%s", name).ptr;
    return fs_load(f->folder.arena, f->host.work.fd, path, 1 << 20, &text, NULL)
               ? test_text(&f->folder, text)
               : "-";
}

static bool withholds(const struct fixture *f, enum build_credentials kind) {
    return (f->host.withheld & 1U << kind) != 0;
}

static void a_proxy_has_no_user(void **state) {
    struct fixture *f = *state;
    setenv("https_proxy", "http://me:pass@proxy:3128", 1);
    setenv("HTTP_PROXY", "me:pass@proxy:3128", 1);
    setenv("no_proxy", "localhost", 1);
    settle(f, 0);
    assert_string_equal(variable(f, "https_proxy"), "http://proxy:3128");
    assert_string_equal(variable(f, "HTTP_PROXY"), "proxy:3128");
    assert_string_equal(variable(f, "no_proxy"), "localhost");
    assert_true(withholds(f, BUILD_CREDENTIALS_PROXY));
    assert_false(withholds(f, BUILD_CREDENTIALS_PIP));
    settle(f, 1U << BUILD_CREDENTIALS_PROXY);
    assert_string_equal(variable(f, "https_proxy"), "http://me:pass@proxy:3128");
    assert_false(withholds(f, BUILD_CREDENTIALS_PROXY));
    settle(f, ~0U & ~(1U << BUILD_CREDENTIALS_PROXY)); /* others are not its */
    assert_string_equal(variable(f, "https_proxy"), "http://proxy:3128");
}

static void nothing_else_of_the_environment_is_passed_on(void **state) {
    struct fixture *f = *state;
    setenv("AWS_SECRET_ACCESS_KEY", "s3cret", 1);
    setenv("GOPROXY", "https://me:pw@goproxy", 1);
    settle(f, 0);
    assert_string_equal(variable(f, "AWS_SECRET_ACCESS_KEY"), "-");
    assert_string_equal(variable(f, "HOME"), "-");
    assert_string_equal(variable(f, "GOPROXY"), "https://goproxy");
    assert_true(withholds(f, BUILD_CREDENTIALS_GO));
    unsetenv("AWS_SECRET_ACCESS_KEY");
}

static const char npmrc[] = "registry=https://u:p@npm.example/\n"
                            "//npm.example/:_authToken=t0k\n"
                            "@me:registry = https://mine.example\n"
                            "cache=/home/me/.npm\n"
                            "strict-ssl=false\n"
                            "; comment\n"
                            "email=me@example\n"
                            "//other/:_auth=${CAPSEM_TEST_TOKEN}\n";

static void npm_gets_the_way_and_no_tokens(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, ".npmrc", npmrc);
    settle(f, 0);
    assert_string_equal(variable(f, "NPM_CONFIG_USERCONFIG"), BUILD_HOST_FOLDER "/npmrc");
    const char *kept = file(f, "npmrc");
    assert_non_null(strstr(kept, "registry=https://npm.example/\n"));
    assert_non_null(strstr(kept, "@me:registry = https://mine.example\n"));
    assert_non_null(strstr(kept, "strict-ssl=false\n"));
    assert_null(strstr(kept, "t0k"));
    assert_null(strstr(kept, "u:p"));
    assert_null(strstr(kept, "cache"));
    assert_null(strstr(kept, "email"));
    assert_true(withholds(f, BUILD_CREDENTIALS_NPM));
    setenv("CAPSEM_TEST_TOKEN", "expanded", 1);
    settle(f, 1U << BUILD_CREDENTIALS_NPM);
    kept = file(f, "npmrc");
    assert_non_null(strstr(kept, "//npm.example/:_authToken=t0k\n"));
    assert_non_null(strstr(kept, "//other/:_auth=expanded\n"));
    assert_non_null(strstr(kept, "u:p@"));
    assert_null(strstr(kept, "cache"));
    assert_false(withholds(f, BUILD_CREDENTIALS_NPM));
    unsetenv("CAPSEM_TEST_TOKEN");
}

static void the_first_file_of_pip_counts(void **state) {
    struct fixture *f = *state;
    test_file(&f->folder, ".pip/pip.conf", "[global]\nindex-url = https://old\n");
    settle(f, 0);
    assert_string_equal(file(f, "pip.conf"), "[global]\nindex-url = https://old\n");
    test_file(&f->folder, ".config/pip/pip.conf", "[global]\nindex-url = https://u:p@new\n");
    settle(f, 0);
    assert_string_equal(file(f, "pip.conf"), "[global]\nindex-url = https://new\n");
    assert_string_equal(variable(f, "PIP_CONFIG_FILE"), BUILD_HOST_FOLDER "/pip.conf");
    assert_true(withholds(f, BUILD_CREDENTIALS_PIP));
    test_file(&f->folder, "given", "[global]\nindex-url = https://given\n");
    setenv("PIP_CONFIG_FILE", test_path(&f->folder, "given"), 1);
    settle(f, 1U << BUILD_CREDENTIALS_PIP);
    assert_string_equal(file(f, "pip.conf"), "[global]\nindex-url = https://given\n");
}

static void programs_find_the_bundle_of_certificates(void **state) {
    static const char *const names[] = { "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE",
                                         "NODE_EXTRA_CA_CERTS", "GIT_SSL_CAINFO" };
    struct fixture *f = *state;
    test_file(&f->folder, "ca.pem", "a certificate\n");
    setenv("SSL_CERT_FILE", test_path(&f->folder, "ca.pem"), 1);
    settle(f, 0);
    assert_string_equal(file(f, "ca-certificates.crt"), "a certificate\n");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_string_equal(variable(f, names[i]), BUILD_HOST_FOLDER "/ca-certificates.crt");
    }
    assert_non_null(strstr(file(f, "apt.conf"), "Acquire::https::CAInfo"));
}

/* Of any user of a step, and of nobody outside. */
static void files_can_be_read_by_a_steps_users(void **state) {
    static const char *const names[] = { "capsem", "capsem/npmrc", "capsem/apt.conf", "hosts",
                                         "resolv.conf" };
    struct fixture *f = *state;
    mode_t before = umask(077);
    settle(f, 0);
    umask(before);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct stat st;
        print_message("%s\n", names[i]);
        assert_int_equal(fstatat(f->host.work.fd, names[i], &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, S_ISDIR(st.st_mode) ? 0755 : 0644);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_proxy_has_no_user),
        TEST(nothing_else_of_the_environment_is_passed_on),
        TEST(npm_gets_the_way_and_no_tokens),
        TEST(the_first_file_of_pip_counts),
        TEST(programs_find_the_bundle_of_certificates),
        TEST(files_can_be_read_by_a_steps_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
