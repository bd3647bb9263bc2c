// SPDX-License-Identifier: Apache-2.0
#include "wire.h"

#include <string.h>

enum wire_step wire_frame_find(const uint8_t *data, size_t len, size_t *ret_len) {
    if (len < WIRE_HEADER) {
        return WIRE_INCOMPLETE;
    }
    uint32_t body =
        (uint32_t)data[0] << 24 | (uint32_t)data[1] << 16 | (uint32_t)data[2] << 8 | data[3];
    if (body > WIRE_FRAME_MAX) {
        return WIRE_TOO_LONG;
    }
    if (len - WIRE_HEADER < body) {
        return WIRE_INCOMPLETE;
    }
    *ret_len = body;
    return WIRE_COMPLETE;
}

static bool take_number(struct wire_cursor *cursor, size_t width, uint64_t *ret_number) {
    if ((size_t)(cursor->end - cursor->at) < width) {
        return false;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < width; i++) {
        number = number << 8 | *cursor->at++;
    }
    *ret_number = number;
    return true;
}

static bool take_bytes(struct wire_cursor *cursor, uint64_t len, struct wire_value *value) {
    if ((uint64_t)(cursor->end - cursor->at) < len) {
        return false;
    }
    value->bytes = cursor->at;
    value->len = (size_t)len;
    cursor->at += len;
    return true;
}

static bool next_at_depth(struct wire_cursor *cursor, unsigned depth, struct wire_value *ret_value);

static bool take_children(struct wire_cursor *cursor, uint64_t count, unsigned depth,
                          struct wire_value *value) {
    if (depth >= WIRE_DEPTH_MAX) {
        return false;
    }
    value->count = (uint32_t)count;
    value->bytes = cursor->at;
    uint64_t values = value->kind == WIRE_MAP ? 2 * count : count;
    for (uint64_t i = 0; i < values; i++) {
        struct wire_value child;
        if (!next_at_depth(cursor, depth + 1, &child)) {
            return false;
        }
    }
    value->len = (size_t)(cursor->at - value->bytes);
    return true;
}

static uint64_t sign_extend(uint64_t number, size_t width) {
    unsigned shift = 64 - 8 * (unsigned)width;
    return (uint64_t)((int64_t)(number << shift) >> shift);
}

// What follows a first byte from 0xc0 on: `width` bytes of a number or a length, then `extra` bytes
// and the content.
struct format {
    enum wire_kind kind;
    uint8_t width;
    uint8_t extra; // an EXT's type byte
    bool sized;    // the number is a length or a count
    bool fixed;    // no number: an EXT of `width` bytes
    bool is_signed;
    bool invalid;
};

// MessagePack specification, "Formats", from 0xc0 to 0xdf.
static const struct format formats[32] = {
    [0x00] = { .kind = WIRE_NIL },
    [0x01] = { .invalid = true },
    [0x02] = { .kind = WIRE_BOOL },
    [0x03] = { .kind = WIRE_BOOL },
    [0x04] = { .kind = WIRE_BIN, .width = 1, .sized = true },
    [0x05] = { .kind = WIRE_BIN, .width = 2, .sized = true },
    [0x06] = { .kind = WIRE_BIN, .width = 4, .sized = true },
    [0x07] = { .kind = WIRE_EXT, .width = 1, .extra = 1, .sized = true },
    [0x08] = { .kind = WIRE_EXT, .width = 2, .extra = 1, .sized = true },
    [0x09] = { .kind = WIRE_EXT, .width = 4, .extra = 1, .sized = true },
    [0x0a] = { .kind = WIRE_FLOAT, .width = 4 },
    [0x0b] = { .kind = WIRE_FLOAT, .width = 8 },
    [0x0c] = { .kind = WIRE_UINT, .width = 1 },
    [0x0d] = { .kind = WIRE_UINT, .width = 2 },
    [0x0e] = { .kind = WIRE_UINT, .width = 4 },
    [0x0f] = { .kind = WIRE_UINT, .width = 8 },
    [0x10] = { .kind = WIRE_INT, .width = 1, .is_signed = true },
    [0x11] = { .kind = WIRE_INT, .width = 2, .is_signed = true },
    [0x12] = { .kind = WIRE_INT, .width = 4, .is_signed = true },
    [0x13] = { .kind = WIRE_INT, .width = 8, .is_signed = true },
    [0x14] = { .kind = WIRE_EXT, .width = 1, .extra = 1, .fixed = true },
    [0x15] = { .kind = WIRE_EXT, .width = 2, .extra = 1, .fixed = true },
    [0x16] = { .kind = WIRE_EXT, .width = 4, .extra = 1, .fixed = true },
    [0x17] = { .kind = WIRE_EXT, .width = 8, .extra = 1, .fixed = true },
    [0x18] = { .kind = WIRE_EXT, .width = 16, .extra = 1, .fixed = true },
    [0x19] = { .kind = WIRE_STR, .width = 1, .sized = true },
    [0x1a] = { .kind = WIRE_STR, .width = 2, .sized = true },
    [0x1b] = { .kind = WIRE_STR, .width = 4, .sized = true },
    [0x1c] = { .kind = WIRE_ARRAY, .width = 2, .sized = true },
    [0x1d] = { .kind = WIRE_ARRAY, .width = 4, .sized = true },
    [0x1e] = { .kind = WIRE_MAP, .width = 2, .sized = true },
    [0x1f] = { .kind = WIRE_MAP, .width = 4, .sized = true },
};

static bool take_content(struct wire_cursor *cursor, uint64_t size, size_t extra, unsigned depth,
                         struct wire_value *value) {
    if (value->kind == WIRE_ARRAY || value->kind == WIRE_MAP) {
        return take_children(cursor, size, depth, value);
    }
    return take_bytes(cursor, size + extra, value);
}

static bool take_format(struct wire_cursor *cursor, const struct format *format, unsigned depth,
                        struct wire_value *value) {
    value->kind = format->kind;
    if (format->fixed) {
        return take_content(cursor, format->width, format->extra, depth, value);
    }
    uint64_t number = 0;
    if (!take_number(cursor, format->width, &number)) {
        return false;
    }
    if (format->sized) {
        return take_content(cursor, number, format->extra, depth, value);
    }
    value->number = number;
    if (format->is_signed) {
        value->number = sign_extend(number, format->width);
        value->kind = (int64_t)value->number < 0 ? WIRE_INT : WIRE_UINT;
    }
    return true;
}

static bool next_at_depth(struct wire_cursor *cursor, unsigned depth,
                          struct wire_value *ret_value) {
    if (cursor->at == cursor->end) {
        return false;
    }
    uint8_t first = *cursor->at++;
    *ret_value = (struct wire_value){ .kind = WIRE_UINT, .bytes = cursor->at };
    if (first <= 0x7f) {
        ret_value->number = first;
        return true;
    }
    if (first >= 0xe0) {
        ret_value->kind = WIRE_INT;
        ret_value->number = sign_extend(first, 1);
        return true;
    }
    if (first <= 0x9f) {
        ret_value->kind = first <= 0x8f ? WIRE_MAP : WIRE_ARRAY;
        return take_children(cursor, first & 0x0f, depth, ret_value);
    }
    if (first <= 0xbf) {
        ret_value->kind = WIRE_STR;
        return take_bytes(cursor, first & 0x1f, ret_value);
    }
    const struct format *format = &formats[first - 0xc0];
    if (format->invalid || !take_format(cursor, format, depth, ret_value)) {
        return false;
    }
    if (format->kind == WIRE_BOOL) {
        ret_value->number = first & 1;
    }
    return true;
}

bool wire_next(struct wire_cursor *cursor, struct wire_value *ret_value) {
    return next_at_depth(cursor, 0, ret_value);
}

struct wire_cursor wire_children(const struct wire_value *value) {
    return (struct wire_cursor){ value->bytes, value->bytes + value->len };
}

static bool str_is(const struct wire_value *value, const char *text) {
    size_t len = strlen(text);
    return value->kind == WIRE_STR && value->len == len && memcmp(value->bytes, text, len) == 0;
}

// The first pair of that name counts, as one reading from the front would have it.
static bool map_find(const struct wire_value *map, const char *name, struct wire_value *ret_value) {
    struct wire_cursor cursor = wire_children(map);
    struct wire_value key, value;
    while (wire_next(&cursor, &key) && wire_next(&cursor, &value)) {
        if (str_is(&key, name)) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

bool wire_message_decode(const uint8_t *body, size_t len, struct wire_message *ret_message) {
    struct wire_cursor cursor = { body, body + len };
    struct wire_value map, type;
    struct wire_value fields = { .kind = WIRE_NIL };
    if (!wire_next(&cursor, &map) || map.kind != WIRE_MAP || cursor.at != cursor.end) {
        return false;
    }
    if (!map_find(&map, "t", &type) || type.kind != WIRE_STR) {
        return false;
    }
    map_find(&map, "d", &fields);
    if (fields.kind == WIRE_NIL) {
        fields = (struct wire_value){ .kind = WIRE_MAP, .bytes = body };
    }
    if (fields.kind != WIRE_MAP) {
        return false;
    }
    ret_message->type = type;
    ret_message->fields = fields;
    return true;
}

bool wire_message_is(const struct wire_message *message, const char *type) {
    return str_is(&message->type, type);
}

bool wire_field(const struct wire_message *message, const char *name,
                struct wire_value *ret_value) {
    return map_find(&message->fields, name, ret_value);
}

bool wire_field_uint(const struct wire_message *message, const char *name, uint64_t max,
                     uint64_t *ret_number) {
    struct wire_value value;
    if (!wire_field(message, name, &value) || value.kind != WIRE_UINT || value.number > max) {
        return false;
    }
    *ret_number = value.number;
    return true;
}

bool wire_field_int(const struct wire_message *message, const char *name, int64_t *ret_number) {
    struct wire_value value;
    if (!wire_field(message, name, &value)) {
        return false;
    }
    if (value.kind != WIRE_INT && !(value.kind == WIRE_UINT && value.number <= INT64_MAX)) {
        return false;
    }
    *ret_number = (int64_t)value.number;
    return true;
}

bool wire_field_bool(const struct wire_message *message, const char *name, bool *ret_bool) {
    struct wire_value value;
    if (!wire_field(message, name, &value) || value.kind != WIRE_BOOL) {
        return false;
    }
    *ret_bool = value.number != 0;
    return true;
}

bool wire_field_str(const struct wire_message *message, const char *name,
                    struct wire_value *ret_str) {
    struct wire_value value;
    if (!wire_field(message, name, &value) || value.kind != WIRE_STR) {
        return false;
    }
    *ret_str = value;
    return true;
}

static bool copy_integers(const struct wire_value *array, uint8_t *buf, size_t cap,
                          size_t *ret_len) {
    if (array->count > cap) {
        return false;
    }
    struct wire_cursor cursor = wire_children(array);
    struct wire_value element;
    size_t len = 0;
    while (wire_next(&cursor, &element)) {
        if (element.kind != WIRE_UINT || element.number > 255) {
            return false;
        }
        buf[len++] = (uint8_t)element.number;
    }
    *ret_len = len;
    return true;
}

bool wire_bytes_copy(const struct wire_value *value, uint8_t *buf, size_t cap, size_t *ret_len) {
    if (value->kind == WIRE_ARRAY) {
        return copy_integers(value, buf, cap, ret_len);
    }
    if ((value->kind != WIRE_BIN && value->kind != WIRE_STR) || value->len > cap) {
        return false;
    }
    memcpy(buf, value->bytes, value->len);
    *ret_len = value->len;
    return true;
}

bool wire_text_copy(const struct wire_value *value, char *buf, size_t cap) {
    if (value->kind != WIRE_STR || value->len >= cap || memchr(value->bytes, 0, value->len)) {
        return false;
    }
    memcpy(buf, value->bytes, value->len);
    buf[value->len] = '\0';
    return true;
}

static void put(struct wire_writer *writer, const void *bytes, size_t len) {
    if (writer->failed || len > writer->cap - writer->len) {
        writer->failed = true;
        return;
    }
    memcpy(writer->buf + writer->len, bytes, len);
    writer->len += len;
}

static void put_number(struct wire_writer *writer, uint64_t number, size_t width) {
    uint8_t bytes[8];
    for (size_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(number >> (8 * (width - 1 - i)));
    }
    put(writer, bytes, width);
}

static void put_first(struct wire_writer *writer, unsigned first) {
    put_number(writer, first, 1);
}

void wire_frame_begin(struct wire_writer *writer, const char *type, uint32_t field_count) {
    writer->frame = writer->len;
    put_number(writer, 0, WIRE_HEADER);
    wire_put_map(writer, 2);
    wire_put_name(writer, "t");
    wire_put_name(writer, type);
    wire_put_name(writer, "d");
    wire_put_map(writer, field_count);
}

bool wire_frame_end(struct wire_writer *writer) {
    size_t end = writer->len;
    bool good = !writer->failed && end - writer->frame - WIRE_HEADER <= WIRE_FRAME_MAX;
    writer->len = writer->frame;
    writer->failed = false;
    if (!good) {
        return false;
    }
    put_number(writer, end - writer->frame - WIRE_HEADER, WIRE_HEADER);
    writer->len = end;
    return true;
}

void wire_put_map(struct wire_writer *writer, uint32_t pairs) {
    if (pairs < 16) {
        put_first(writer, 0x80 | pairs);
        return;
    }
    put_first(writer, 0xdf);
    put_number(writer, pairs, 4);
}

void wire_put_array(struct wire_writer *writer, uint32_t elements) {
    if (elements < 16) {
        put_first(writer, 0x90 | elements);
        return;
    }
    put_first(writer, 0xdd);
    put_number(writer, elements, 4);
}

void wire_put_uint(struct wire_writer *writer, uint64_t number) {
    if (number < 0x80) {
        put_first(writer, (unsigned)number);
    } else if (number <= UINT32_MAX) {
        put_first(writer, 0xce);
        put_number(writer, number, 4);
    } else {
        put_first(writer, 0xcf);
        put_number(writer, number, 8);
    }
}

void wire_put_int(struct wire_writer *writer, int64_t number) {
    if (number >= 0) {
        wire_put_uint(writer, (uint64_t)number);
        return;
    }
    put_first(writer, 0xd3);
    put_number(writer, (uint64_t)number, 8);
}

void wire_put_bool(struct wire_writer *writer, bool value) {
    put_first(writer, value ? 0xc3 : 0xc2);
}

static void put_sized(struct wire_writer *writer, unsigned first, const void *bytes, size_t len) {
    if (len > UINT32_MAX) {
        writer->failed = true;
        return;
    }
    put_first(writer, first);
    put_number(writer, len, 4);
    put(writer, bytes, len);
}

void wire_put_str(struct wire_writer *writer, const char *text, size_t len) {
    if (len < 32) {
        put_first(writer, 0xa0 | (unsigned)len);
        put(writer, text, len);
        return;
    }
    put_sized(writer, 0xdb, text, len);
}

void wire_put_name(struct wire_writer *writer, const char *name) {
    wire_put_str(writer, name, strlen(name));
}

void wire_put_bin(struct wire_writer *writer, const void *bytes, size_t len) {
    put_sized(writer, 0xc6, bytes, len);
}
