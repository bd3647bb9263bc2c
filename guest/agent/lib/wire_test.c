// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire.h"

#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1

static const struct {
    const char *name;
    const uint8_t *bytes;
    size_t len;
    bool good;
} message_cases[] = {
    { "ping",
      BYTES("\x82\xa1t\xa4ping\xa1"
            "d\x80"),
      true },
    { "no d", BYTES("\x81\xa1t\xa4ping"), true },
    { "d is nil",
      BYTES("\x82\xa1t\xa4ping\xa1"
            "d\xc0"),
      true },
    { "d before t",
      BYTES("\x82\xa1"
            "d\x80\xa1t\xa4ping"),
      true },
    { "unknown keys beside",
      BYTES("\x83\xa1x\x93\x01\x02\x03\xa1t\xa1p\xa1"
            "d\x80"),
      true },
    { "map 16", BYTES("\xde\x00\x01\xa1t\xa1p"), true },
    { "map 32", BYTES("\xdf\x00\x00\x00\x01\xa1t\xa1p"), true },
    { "str 8 as t", BYTES("\x81\xa1t\xd9\x01p"), true },
    { "empty", BYTES(""), false },
    { "nil", BYTES("\xc0"), false },
    { "an array", BYTES("\x92\xa1t\xa1p"), false },
    { "the invalid byte", BYTES("\xc1"), false },
    { "empty map", BYTES("\x80"), false },
    { "t is a number", BYTES("\x81\xa1t\x05"), false },
    { "t is bytes", BYTES("\x81\xa1t\xc4\x01p"), false },
    { "d is a list",
      BYTES("\x82\xa1t\xa1p\xa1"
            "d\x90"),
      false },
    { "d is text",
      BYTES("\x82\xa1t\xa1p\xa1"
            "d\xa1x"),
      false },
    { "cut after the key", BYTES("\x81\xa1t"), false },
    { "cut within the type", BYTES("\x81\xa1t\xa4pin"), false },
    { "bytes behind", BYTES("\x81\xa1t\xa1p\x00"), false },
    { "map of four billion", BYTES("\xdf\xff\xff\xff\xff\xa1t\xa1p"), false },
    { "text of four billion", BYTES("\x81\xa1t\xdb\xff\xff\xff\xffp"), false },
    { "bytes of four billion", BYTES("\x82\xa1t\xa1p\xa1x\xc6\xff\xff\xff\xff"), false },
    { "ext longer than there is", BYTES("\x82\xa1t\xa1p\xa1x\xd8\x01\x02\x03"), false },
    { "array cut", BYTES("\x82\xa1t\xa1p\xa1x\xdc\xff\xff\x01"), false },
};

static void messages_decode(void **state) {
    for (size_t i = 0; i < sizeof message_cases / sizeof message_cases[0]; i++) {
        // A copy of exactly this size, so that a sanitizer sees a read after it.
        uint8_t *copy = malloc(message_cases[i].len ? message_cases[i].len : 1);
        memcpy(copy, message_cases[i].bytes, message_cases[i].len);
        struct wire_message message;
        bool good = wire_message_decode(copy, message_cases[i].len, &message);
        if (good != message_cases[i].good) {
            fail_msg("case '%s'", message_cases[i].name);
        }
        free(copy);
    }
}

// A message whose field `x` is `depth` lists within each other.
static size_t nested(uint8_t *buf, size_t depth) {
    static const uint8_t head[] = "\x82\xa1t\xa1p\xa1x";
    memcpy(buf, head, sizeof head - 1);
    memset(buf + sizeof head - 1, 0x91, depth);
    buf[sizeof head - 1 + depth] = 0x01;
    return sizeof head + depth;
}

static void nesting_has_a_limit(void **state) {
    static uint8_t buf[2000];
    struct wire_message message;
    assert_true(wire_message_decode(buf, nested(buf, WIRE_DEPTH_MAX - 1), &message));
    assert_false(wire_message_decode(buf, nested(buf, WIRE_DEPTH_MAX), &message));
    assert_false(wire_message_decode(buf, nested(buf, 1000), &message));
}

static const struct {
    const char *name;
    const uint8_t *bytes;
    size_t len;
    enum wire_kind kind;
    uint64_t number;
    size_t content;
} value_cases[] = {
    { "fixint", BYTES("\x7f"), WIRE_UINT, 127, 0 },
    { "negative fixint", BYTES("\xff"), WIRE_INT, (uint64_t)-1, 0 },
    { "lowest negative fixint", BYTES("\xe0"), WIRE_INT, (uint64_t)-32, 0 },
    { "uint 8", BYTES("\xcc\xff"), WIRE_UINT, 255, 0 },
    { "uint 16", BYTES("\xcd\x01\x00"), WIRE_UINT, 256, 0 },
    { "uint 32", BYTES("\xce\x00\x01\x00\x00"), WIRE_UINT, 65536, 0 },
    { "uint 64", BYTES("\xcf\xff\xff\xff\xff\xff\xff\xff\xff"), WIRE_UINT, UINT64_MAX, 0 },
    { "int 8", BYTES("\xd0\x80"), WIRE_INT, (uint64_t)-128, 0 },
    { "int 8 above zero", BYTES("\xd0\x7f"), WIRE_UINT, 127, 0 },
    { "int 16", BYTES("\xd1\xff\xfe"), WIRE_INT, (uint64_t)-2, 0 },
    { "int 64", BYTES("\xd3\x80\x00\x00\x00\x00\x00\x00\x00"), WIRE_INT, 1ull << 63, 0 },
    { "true", BYTES("\xc3"), WIRE_BOOL, 1, 0 },
    { "false", BYTES("\xc2"), WIRE_BOOL, 0, 0 },
    { "float 32", BYTES("\xca\x00\x00\x00\x01"), WIRE_FLOAT, 1, 0 },
    { "bin 8", BYTES("\xc4\x02xy"), WIRE_BIN, 0, 2 },
    { "bin 16", BYTES("\xc5\x00\x02xy"), WIRE_BIN, 0, 2 },
    { "str 16", BYTES("\xda\x00\x01x"), WIRE_STR, 0, 1 },
    { "ext 8 with its type", BYTES("\xc7\x02\x05xy"), WIRE_EXT, 0, 3 },
    { "fixext 2 with its type", BYTES("\xd5\x05xy"), WIRE_EXT, 0, 3 },
    { "array 16", BYTES("\xdc\x00\x02\x01\x02"), WIRE_ARRAY, 0, 2 },
    { "map", BYTES("\x81\x01\x02"), WIRE_MAP, 0, 2 },
};

static void values_decode(void **state) {
    for (size_t i = 0; i < sizeof value_cases / sizeof value_cases[0]; i++) {
        struct wire_cursor cursor = { value_cases[i].bytes,
                                      value_cases[i].bytes + value_cases[i].len };
        struct wire_value value;
        bool good = wire_next(&cursor, &value) && cursor.at == cursor.end &&
                    value.kind == value_cases[i].kind && value.number == value_cases[i].number &&
                    value.len == value_cases[i].content;
        if (!good) {
            fail_msg("case '%s'", value_cases[i].name);
        }
        // No prefix of it is a value.
        for (size_t len = 0; len < value_cases[i].len; len++) {
            cursor = (struct wire_cursor){ value_cases[i].bytes, value_cases[i].bytes + len };
            if (wire_next(&cursor, &value)) {
                fail_msg("case '%s' cut to %zu", value_cases[i].name, len);
            }
        }
    }
}

static void what_is_written_is_read(void **state) {
    static const char long_text[] = "a text of more than thirty-one bytes, so it has a length word";
    uint8_t buf[1024];
    struct wire_writer writer = { .buf = buf, .cap = sizeof buf };
    wire_frame_begin(&writer, "exec", 7);
    wire_put_name(&writer, "id");
    wire_put_uint(&writer, 1ull << 40);
    wire_put_name(&writer, "small");
    wire_put_uint(&writer, 300);
    wire_put_name(&writer, "code");
    wire_put_int(&writer, -7);
    wire_put_name(&writer, "yes");
    wire_put_bool(&writer, true);
    wire_put_name(&writer, "text");
    wire_put_name(&writer, long_text);
    wire_put_name(&writer, "data");
    wire_put_bin(&writer, "\0\1\2", 3);
    wire_put_name(&writer, "argv");
    wire_put_array(&writer, 20);
    for (unsigned i = 0; i < 20; i++) {
        wire_put_uint(&writer, i);
    }
    assert_true(wire_frame_end(&writer));

    size_t len;
    assert_int_equal(wire_frame_find(buf, writer.len, &len), WIRE_COMPLETE);
    assert_int_equal(len + WIRE_HEADER, writer.len);
    struct wire_message message;
    assert_true(wire_message_decode(buf + WIRE_HEADER, len, &message));
    assert_true(wire_message_is(&message, "exec"));
    assert_false(wire_message_is(&message, "exe"));
    uint64_t number;
    int64_t code;
    bool yes;
    struct wire_value value;
    uint8_t data[20];
    size_t data_len;
    char text[100];
    assert_true(wire_field_uint(&message, "id", UINT64_MAX, &number));
    assert_true(number == 1ull << 40);
    assert_false(wire_field_uint(&message, "id", UINT32_MAX, &number));
    assert_true(wire_field_int(&message, "code", &code) && code == -7);
    assert_false(wire_field_uint(&message, "code", UINT64_MAX, &number));
    assert_true(wire_field_int(&message, "small", &code) && code == 300);
    assert_true(wire_field_bool(&message, "yes", &yes) && yes);
    assert_false(wire_field_bool(&message, "id", &yes));
    assert_true(wire_field_str(&message, "text", &value));
    assert_true(wire_text_copy(&value, text, sizeof text));
    assert_string_equal(text, long_text);
    assert_false(wire_text_copy(&value, text, sizeof long_text - 1));
    assert_true(wire_field(&message, "data", &value));
    assert_true(wire_bytes_copy(&value, data, sizeof data, &data_len) && data_len == 3);
    assert_true(wire_field(&message, "argv", &value));
    assert_true(wire_bytes_copy(&value, data, sizeof data, &data_len) && data_len == 20);
    assert_int_equal(data[19], 19);
    assert_false(wire_bytes_copy(&value, data, 19, &data_len));
    assert_false(wire_field(&message, "none", &value));
}

static void text_with_nul_is_no_c_string(void **state) {
    struct wire_cursor cursor = { (const uint8_t *)"\xa3x\0y", (const uint8_t *)"\xa3x\0y" + 4 };
    struct wire_value value;
    char text[10];
    assert_true(wire_next(&cursor, &value));
    assert_false(wire_text_copy(&value, text, sizeof text));
}

static void a_full_buffer_keeps_whole_frames(void **state) {
    uint8_t buf[40];
    struct wire_writer writer = { .buf = buf, .cap = sizeof buf };
    wire_frame_begin(&writer, "pong", 0);
    assert_true(wire_frame_end(&writer));
    size_t whole = writer.len;
    wire_frame_begin(&writer, "execdata", 1);
    wire_put_name(&writer, "data");
    wire_put_bin(&writer, buf, sizeof buf);
    assert_false(wire_frame_end(&writer));
    assert_int_equal(writer.len, whole);
    wire_frame_begin(&writer, "pong", 0);
    assert_true(wire_frame_end(&writer));
    assert_int_equal(writer.len, 2 * whole);
}

static void frames_are_found(void **state) {
    size_t len = 77;
    assert_int_equal(wire_frame_find((const uint8_t *)"\0\0\0", 3, &len), WIRE_INCOMPLETE);
    assert_int_equal(wire_frame_find((const uint8_t *)"\0\0\0\2x", 5, &len), WIRE_INCOMPLETE);
    assert_int_equal(len, 77);
    assert_int_equal(wire_frame_find((const uint8_t *)"\0\0\0\0", 4, &len), WIRE_COMPLETE);
    assert_int_equal(len, 0);
    assert_int_equal(wire_frame_find((const uint8_t *)"\0\4\0\0", 4, &len), WIRE_INCOMPLETE);
    assert_int_equal(wire_frame_find((const uint8_t *)"\0\4\0\1", 4, &len), WIRE_TOO_LONG);
    assert_int_equal(wire_frame_find((const uint8_t *)"\xff\xff\xff\xff", 4, &len), WIRE_TOO_LONG);
}

// Bytes of a small generator: whatever they are, decoding ends and stays within them.
static void noise_is_survived(void **state) {
    uint32_t seed = 12345;
    for (int round = 0; round < 20000; round++) {
        size_t len = (size_t)(round % 61) + 1;
        uint8_t *noise = malloc(len);
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1664525 + 1013904223;
            noise[i] = (uint8_t)(seed >> 24);
        }
        if (round % 3 == 0 && len > 5) {
            memcpy(noise, "\x82\xa1t\xa1p", 5);
        }
        struct wire_message message;
        struct wire_value value;
        if (wire_message_decode(noise, len, &message)) {
            assert_true(message.type.bytes >= noise && message.type.bytes < noise + len);
            wire_field(&message, "x", &value);
        }
        free(noise);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_decode),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(values_decode),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(text_with_nul_is_no_c_string),
        cmocka_unit_test(a_full_buffer_keeps_whole_frames),
        cmocka_unit_test(frames_are_found),
        cmocka_unit_test(noise_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
