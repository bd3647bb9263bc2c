// SPDX-License-Identifier: Apache-2.0
// The bytes of the control channel between host and guest: frames of a 4-byte big-endian length and
// one MessagePack map {t: name, d: {fields}}. Guest binaries and the host's `src/vm/` compile this
// same file, so the format is written once.
//
// Takes bytes of any kind, allocates nothing, reads nothing past what it was given, and refuses
// what nests deeper than WIRE_DEPTH_MAX. Every pointer it gives back points into the caller's
// buffer. Follows the MessagePack specification and docs/spec/guest.md, "Control channel".
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_FRAME_MAX = 262144, // bytes of a frame after its length
    WIRE_HEADER = 4,         // bytes of the length
    WIRE_DEPTH_MAX = 16,     // containers within containers
};

enum wire_kind {
    WIRE_NIL,
    WIRE_BOOL,
    WIRE_UINT,
    WIRE_INT, // a negative number
    WIRE_FLOAT,
    WIRE_STR,
    WIRE_BIN,
    WIRE_ARRAY,
    WIRE_MAP,
    WIRE_EXT,
};

struct wire_value {
    enum wire_kind kind;
    uint32_t count;       // ARRAY: elements; MAP: pairs
    uint64_t number;      // BOOL: 0 or 1; UINT; INT: two's complement; FLOAT: its bits
    const uint8_t *bytes; // STR, BIN, EXT: the content; ARRAY, MAP: the encoded children
    size_t len;           // bytes at `bytes`
};

// Encoded values that follow each other; reading moves `at`.
struct wire_cursor {
    const uint8_t *at, *end;
};

struct wire_message {
    struct wire_value type;   // STR
    struct wire_value fields; // MAP; empty when the frame has no `d`
};

enum wire_step {
    WIRE_INCOMPLETE, // more bytes are needed
    WIRE_COMPLETE,
    WIRE_TOO_LONG, // the announced length is over WIRE_FRAME_MAX: the stream cannot be followed any
                   // further
};

// Looks for one frame at the start of `data`. On WIRE_COMPLETE the body is data[WIRE_HEADER ..
// WIRE_HEADER + *ret_len].
enum wire_step wire_frame_find(const uint8_t *data, size_t len, size_t *ret_len);

// Decodes a frame's body. False: not one whole value, not a map, no string `t`, a `d` that is no
// map, nested too deep.
bool wire_message_decode(const uint8_t *body, size_t len, struct wire_message *ret_message);
bool wire_message_is(const struct wire_message *message, const char *type);

// Reads the next value, and steps over all of its children. False at the end and on bytes that are
// no value.
bool wire_next(struct wire_cursor *cursor, struct wire_value *ret_value);
// The children of an ARRAY, or of a MAP (key, value, key, …).
struct wire_cursor wire_children(const struct wire_value *value);

// A field of the message by name; the typed forms also demand the kind. False: not there, or of
// another kind.
bool wire_field(const struct wire_message *message, const char *name, struct wire_value *ret_value);
bool wire_field_uint(const struct wire_message *message, const char *name, uint64_t max,
                     uint64_t *ret_number);
bool wire_field_int(const struct wire_message *message, const char *name, int64_t *ret_number);
bool wire_field_bool(const struct wire_message *message, const char *name, bool *ret_bool);
bool wire_field_str(const struct wire_message *message, const char *name,
                    struct wire_value *ret_str);

// Bytes however a MessagePack library wrote them: BIN, STR, or an ARRAY of integers below 256.
// Copies at most `cap` into `buf`. False: of another kind, or longer.
bool wire_bytes_copy(const struct wire_value *value, uint8_t *buf, size_t cap, size_t *ret_len);
// STR as a C string in `buf`. False: not a STR, a NUL within, or no room.
bool wire_text_copy(const struct wire_value *value, char *buf, size_t cap);

// Writes frames into a buffer of fixed size. What does not fit sets `failed`, and nothing more is
// written; `len` then is still the end of the last whole frame after wire_frame_end.
struct wire_writer {
    uint8_t *buf;
    size_t cap, len;
    size_t frame; // where the open frame starts
    bool failed;
};

void wire_frame_begin(struct wire_writer *writer, const char *type, uint32_t field_count);
bool wire_frame_end(struct wire_writer *writer);

void wire_put_map(struct wire_writer *writer, uint32_t pairs);
void wire_put_array(struct wire_writer *writer, uint32_t elements);
void wire_put_uint(struct wire_writer *writer, uint64_t number);
void wire_put_int(struct wire_writer *writer, int64_t number);
void wire_put_bool(struct wire_writer *writer, bool value);
void wire_put_str(struct wire_writer *writer, const char *text, size_t len);
void wire_put_name(struct wire_writer *writer, const char *name); // wire_put_str of a C string
void wire_put_bin(struct wire_writer *writer, const void *bytes, size_t len);
