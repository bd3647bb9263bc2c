// SPDX-License-Identifier: Apache-2.0
#include "recipe/recipe.h"

#include <errno.h>
#include <fcntl.h>

#include "recipe/internal.h"

/* A line end is refused: after it could stand the end of the heredoc that the word is in. */
static bool shell_quote(struct jinja_call *call, struct jinja_value *ret) {
    str text;
    AUTO_BUF out = BUF_INIT(8 * 1024 * 1024);
    if (!jinja_call_text(call, call->args[0], &text)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n' || text.ptr[i] == '\r' || text.ptr[i] == '\0') {
            return jinja_call_fail(call, "the text holds a line end or a NUL byte");
        }
    }
    buf_add_shell_word(&out, text);
    *ret = jinja_string(str_dup(call->arena, buf_str(&out)));
    return true;
}

static const struct jinja_callable shell_quote_filter = {
    .name = S_INIT("shell_quote"),
    .params = "value",
    .required = 1,
    .run = shell_quote,
    .help = "the text as one word of a shell command",
};

/* A value of the config that the template could not use. */
static void point_at_value(struct diag_sink *sink, const struct origins *origins, uint32_t origin) {
    if (origin > 0 && origin <= origins->len && sink->len > 0) {
        diag_note(sink, &sink->items[sink->len - 1], origins->items[origin - 1].span,
                  RECIPE_VALUE_NOTE);
    }
}

/* Where a parsed template stays for the next request. One of a folder does not: its loader has the
 * folder open for as long as the request lasts. */
static const struct jinja_template **kept_template(const struct recipe_request *request) {
    return request->templates != NULL && request->templates_dir == NULL
               ? &request->templates->compiled_in[request->kind]
               : NULL;
}

/* Parses the template, or takes the one that was kept. `folder` is where its loader reads. */
static bool find_template(struct arena *a, const struct recipe_request *request,
                          struct jinja_folder *folder, struct sources *sources,
                          struct diag_sink *sink, const struct jinja_template **ret,
                          struct err *err) {
    const struct jinja_template **kept = kept_template(request);
    const char *dir = request->templates_dir;
    str name;
    str text;
    if (kept != NULL && *kept != NULL) {
        *ret = *kept;
        return true;
    }
    if (!template_load(a, request, sources, sink, &name, &text)) {
        return false;
    }
    struct jinja_env *env = jinja_env_new(a, &jinja_options_builder);
    if (dir != NULL) {
        *folder = (struct jinja_folder){ open(dir, OS_FOLDER | O_CLOEXEC), str_from_c(dir) };
        if (folder->fd < 0) {
            return err_sys(err, errno, "open folder '%s'", dir);
        }
        struct jinja_loader loader = jinja_folder_loader(folder);
        jinja_env_set_loader(env, &loader);
    }
    jinja_env_add_filter(env, &shell_quote_filter);
    *ret = jinja_parse(env, sources, sources_add(sources, name, text), sink);
    if (kept != NULL) {
        *kept = *ret;
    }
    return *ret != NULL;
}

static bool render(struct arena *a, const struct recipe_request *request,
                   struct jinja_folder *folder, struct sources *sources, struct diag_sink *sink,
                   struct recipe *ret, struct err *err) {
    struct recipe recipe = { .kind = request->kind };
    const struct jinja_template *template = NULL;
    struct origins origins = { .arena = a };
    if (!find_template(a, request, folder, sources, sink, &template, err) ||
        !files_make(a, request, &recipe.files, &recipe.file_count, err)) {
        return false;
    }
    struct jinja_value variables =
        variables_make(&origins, request, recipe.files, recipe.file_count);
    if (!jinja_render(template, variables, a, sink, &recipe.output)) {
        point_at_value(sink, &origins, recipe.output.failed_origin);
        return false;
    }
    recipe.text = recipe.output.text;
    recipe.origins = origins.items;
    recipe.origin_count = origins.len;
    str shown = str_fmt(a, "Dockerfile.%s (%.*s)", recipe_kind_name(request->kind),
                        STR_FMT(request->arch->head.key));
    recipe.source = sources_add(sources, shown, recipe.text);
    *ret = recipe;
    return true;
}

bool recipe_render(struct arena *a, const struct recipe_request *request, struct sources *sources,
                   struct diag_sink *sink, struct recipe *ret, struct err *err) {
    struct jinja_folder folder = { .fd = -1 };
    bool ok = render(a, request, &folder, sources, sink, ret, err);
    fd_close_auto(&folder.fd);
    return ok;
}

/* Index of the run that holds an output byte. */
static size_t find_run(const struct jinja_output *o, size_t offset) {
    size_t low = 0;
    size_t high = o->run_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (o->runs[middle].start <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static size_t run_end(const struct jinja_output *o, size_t index) {
    return index + 1 < o->run_count ? o->runs[index + 1].start : o->text.len;
}

struct span recipe_template_span(const struct recipe *recipe, struct sources *sources,
                                 size_t offset) {
    const struct jinja_output *o = &recipe->output;
    if (o->run_count == 0) {
        return SPAN_NONE;
    }
    size_t index = find_run(o, offset);
    const struct jinja_run *run = &o->runs[index];
    size_t len = run_end(o, index) - run->start;
    str template = sources->items[run->span.source]->text;
    str written = str_slice(o->text, run->start, run->start + len);
    if (!str_eq(str_slice(template, run->span.start, run->span.end), written)) {
        return run->span;
    }
    size_t at = run->span.start + min_size(offset - run->start, len);
    size_t end = str_find_char(template, '\n', at);
    return (struct span){ run->span.source, (uint32_t)at, (uint32_t)min_size(end, run->span.end) };
}

static bool is_among(const struct recipe_origin *const *list, size_t count,
                     const struct recipe_origin *origin) {
    for (size_t i = 0; i < count; i++) {
        if (list[i]->span.source == origin->span.source &&
            list[i]->span.start == origin->span.start) {
            return true;
        }
    }
    return false;
}

size_t recipe_config_values(const struct recipe *recipe, size_t start, size_t end,
                            const struct recipe_origin **ret, size_t max) {
    const struct jinja_output *o = &recipe->output;
    size_t count = 0;
    for (size_t i = find_run(o, start); i < o->run_count && count < max; i++) {
        const struct jinja_run *run = &o->runs[i];
        if (run->start >= max_size(end, start + 1)) {
            break;
        }
        if (run->origin == 0 || run_end(o, i) <= start) {
            continue;
        }
        const struct recipe_origin *origin = &recipe->origins[run->origin - 1];
        if (!is_among(ret, count, origin)) {
            ret[count++] = origin;
        }
    }
    return count;
}
