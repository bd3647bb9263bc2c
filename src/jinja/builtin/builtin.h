// SPDX-License-Identifier: Apache-2.0
/* Filters, tests, globals and methods: rows, and a function each. exec/ finds them by their names.
 */
#pragma once

#include "jinja/exec/exec.h"

/* One table a file. */
extern const struct callable_table filters_string_table;
extern const struct callable_table filters_html_table;
extern const struct callable_table filters_layout_table;
extern const struct callable_table filters_wrap_table;
extern const struct callable_table filters_urlize_table;
extern const struct callable_table filters_pprint_table;
extern const struct callable_table filters_random_table;
extern const struct callable_table filters_list_table;
extern const struct callable_table filters_select_table;
extern const struct callable_table filters_number_table;
extern const struct callable_table tests_table;
extern const struct callable_table globals_table;
extern const struct callable_table globals_random_table;
extern const struct callable_table methods_string_table;
extern const struct callable_table methods_text_table;
extern const struct callable_table methods_list_table;
extern const struct callable_table methods_tuple_table;
extern const struct callable_table methods_dict_table;
extern const struct callable_table methods_format_table;
