// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include "gate/internal.h"

/* An address in the place of a name says nothing that a policy could look at. */
static bool is_address(const char *name) {
    struct in_addr four;
    const char *last = strrchr(name, '.');
    last = last == NULL ? name : last + 1;
    /* The last label of a name is never a number (RFC 3696, 2): inet_aton() takes even "1". */
    return char_is_digit(*last) || inet_pton(AF_INET, name, &four) == 1;
}

bool gate_name_clean(str text, char ret[GATE_NAME_MAX + 1]) {
    if (text.len > 0 && text.ptr[text.len - 1] == '.') {
        text.len--;
    }
    if (text.len == 0 || text.len > GATE_NAME_MAX) {
        return false;
    }
    char before = '.';
    for (size_t i = 0; i < text.len; i++) {
        char c = char_lower(text.ptr[i]);
        if (!char_is_alnum(c) && c != '-' && c != '_' && (c != '.' || before == '.')) {
            return false;
        }
        ret[i] = before = c;
    }
    ret[text.len] = '\0';
    return before != '.' && !is_address(ret);
}

enum gate_step gate_meta_parse(str data, char ret[GATE_PROCESS_MAX + 1], size_t *ret_len) {
    const str prefix = { "\0CAPSEM_META:", 13 };
    size_t have = min_size(data.len, prefix.len);
    if (memcmp(data.ptr == NULL ? "" : data.ptr, prefix.ptr, have) != 0) {
        return GATE_BAD;
    }
    size_t end = str_find_char(data, '\n', have);
    if (end == STR_NONE) {
        return data.len > prefix.len + GATE_PROCESS_MAX ? GATE_BAD : GATE_MORE;
    }
    if (end < prefix.len || end - prefix.len > GATE_PROCESS_MAX) {
        return GATE_BAD;
    }
    memcpy(ret, data.ptr + prefix.len, end - prefix.len);
    ret[end - prefix.len] = '\0';
    *ret_len = end + 1;
    return GATE_WHOLE;
}

enum gate_step gate_head_parse(str data, struct gate_head *ret, const char **ret_why) {
    *ret = (struct gate_head){ .protocol = GATE_UNKNOWN };
    if (data.len == 0) {
        return GATE_MORE;
    }
    enum gate_step step = GATE_BAD;
    *ret_why = "it is neither TLS nor HTTP";
    if (data.ptr[0] == 0x16) {
        step = tls_head_parse(data, ret, ret_why);
    } else if (data.ptr[0] >= 'A' && data.ptr[0] <= 'Z') {
        step = http_head_parse(data, ret, ret_why);
    }
    if (step == GATE_MORE && data.len >= GATE_HEAD_MAX) {
        *ret_why = "its head is too long";
        return GATE_BAD;
    }
    return step;
}
