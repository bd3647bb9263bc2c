// SPDX-License-Identifier: Apache-2.0
/*
 * The cheapest way from the start of the input to its end, in bytes of output: each position is
 * reached by a literal or by a match, and keeps the cheapest arrival (which also decides how many
 * literals stand before it: the cost of the next one depends on that). Then it is written down.
 */
#include "image/lzo.h"

#include <stdlib.h>
#include <string.h>

#include "base/base.h"

enum {
    MATCH_MIN = 3,
    NEAR_MAX = 2048,    /* distances: 2 bytes for 3 to 8 */
    SHORT_MIN = 2049,   /* 2 bytes for exactly 3, after 4 literals or more */
    SHORT_MAX = 3072,   /**/
    MIDDLE_MAX = 16384, /* 3 bytes for up to 33 */
    FAR_MAX = 49151,    /* 3 bytes for up to 9 */
    NEAR_LEN_MAX = 8,
    MIDDLE_LEN_MAX = 33,
    FAR_LEN_MAX = 9,
    HASH_BITS = 14,
    NICE_LEN = 96, /* a match of that length is taken without looking further */
};

/* How a position is reached. */
struct arrival {
    uint32_t cost;     /* bytes of output so far */
    uint32_t literals; /* that end here; 0 after a match */
    uint32_t len;      /* of the match, 1: a literal */
    uint32_t distance;
};

struct lzo {
    struct arrival *arrivals; /* one more than bytes of input */
    uint32_t *previous;       /* position + 1 before it with the same hash; 0: none */
    uint32_t heads[1 << HASH_BITS];
    size_t max_bytes;
};

struct lzo *lzo_new(size_t max_bytes) {
    if (max_bytes > LZO_INPUT_MAX) {
        return NULL;
    }
    struct lzo *z = calloc(1, sizeof *z);
    if (z == NULL) {
        return NULL;
    }
    z->max_bytes = max_bytes;
    z->arrivals = malloc((max_bytes + 1) * sizeof *z->arrivals);
    z->previous = malloc((max_bytes + 1) * sizeof *z->previous);
    if (z->arrivals == NULL || z->previous == NULL) {
        lzo_free(z);
        return NULL;
    }
    return z;
}

void lzo_free(struct lzo *z) {
    if (z != NULL) {
        free(z->arrivals);
        free(z->previous);
        free(z);
    }
}

/* --- what things cost ------------------------------------------------------------------------- */

/* Bytes of a number that does not fit into the instruction, by 255 each. */
static size_t extra_bytes(size_t over) {
    return 1 + (over - 1) / 255;
}

/* Of the `count`th literal in a row: the fourth needs an instruction, later ones a longer one. */
static uint32_t literal_cost(size_t count) {
    return 1 + (count == 4) + (count >= 19 && (count - 19) % 255 == 0);
}

static uint32_t match_cost(size_t len, size_t distance, size_t literals) {
    if (distance <= NEAR_MAX && len <= NEAR_LEN_MAX) {
        return 2;
    }
    if (len == MATCH_MIN && literals >= 4 && distance >= SHORT_MIN && distance <= SHORT_MAX) {
        return 2;
    }
    size_t len_max = distance <= MIDDLE_MAX ? MIDDLE_LEN_MAX : FAR_LEN_MAX;
    return (uint32_t)(3 + (len > len_max ? extra_bytes(len - len_max) : 0));
}

/* --- finding the way -------------------------------------------------------------------------- */

static void arrive(struct arrival *to, uint32_t cost, size_t literals, size_t len,
                   size_t distance) {
    if (cost < to->cost) {
        *to = (struct arrival){ cost, (uint32_t)literals, (uint32_t)len, (uint32_t)distance };
    }
}

static uint32_t hash_at(const uint8_t *p) {
    uint32_t three = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return three * 0x9E3779B1U >> (32 - HASH_BITS);
}

static void remember(struct lzo *z, const uint8_t *in, size_t len, size_t at) {
    if (at + MATCH_MIN <= len) {
        uint32_t *head = &z->heads[hash_at(in + at)];
        z->previous[at] = *head;
        *head = (uint32_t)at + 1;
    }
}

static size_t common_bytes(const uint8_t *a, const uint8_t *b, size_t max) {
    size_t n = 0;
    while (n + 8 <= max) {
        uint64_t differ = load_le64(a + n) ^ load_le64(b + n);
        if (differ != 0) {
            return n + (size_t)(__builtin_ctzll(differ) / 8);
        }
        n += 8;
    }
    while (n < max && a[n] == b[n]) {
        n++;
    }
    return n;
}

/* Tries the matches at a position, nearest first: each length is reached from the nearest place
 * that has it. Returns the longest. */
static size_t try_matches(struct lzo *z, const uint8_t *in, size_t len, size_t at, unsigned tries) {
    if (at + MATCH_MIN > len) {
        return 0;
    }
    const struct arrival here = z->arrivals[at];
    size_t best = MATCH_MIN - 1;
    uint32_t next = z->heads[hash_at(in + at)];
    for (; next != 0 && tries > 0; next = z->previous[next - 1], tries--) {
        size_t from = next - 1;
        size_t distance = at - from;
        if (distance > FAR_MAX) {
            break;
        }
        if (at + best < len && in[from + best] != in[at + best]) {
            continue; /* it cannot be longer */
        }
        size_t found = common_bytes(in + from, in + at, len - at);
        for (size_t n = best + 1; n <= found; n++) {
            arrive(&z->arrivals[at + n], here.cost + match_cost(n, distance, here.literals), 0, n,
                   distance);
        }
        best = found > best ? found : best;
        if (best >= NICE_LEN) {
            break;
        }
    }
    return best;
}

static void find_way(struct lzo *z, const uint8_t *in, size_t len, unsigned tries) {
    memset(z->heads, 0, sizeof z->heads);
    for (size_t i = 1; i <= len; i++) {
        z->arrivals[i].cost = UINT32_MAX;
    }
    z->arrivals[0] = (struct arrival){ 0 };
    for (size_t at = 0; at < len; at++) {
        const struct arrival *here = &z->arrivals[at];
        size_t literals = here->literals + 1U;
        arrive(&z->arrivals[at + 1], here->cost + literal_cost(literals), literals, 1, 0);
        size_t found = try_matches(z, in, len, at, tries);
        remember(z, in, len, at);
        if (found >= NICE_LEN) { /* what lies inside is not worth a look */
            for (size_t i = at + 1; i < at + found; i++) {
                remember(z, in, len, i);
            }
            at += found - 1;
        }
    }
}

/* Turns the arrivals around: afterwards the one at a position is the step that leaves it. */
static void reverse_way(struct lzo *z, size_t len) {
    struct arrival step = z->arrivals[len];
    for (size_t at = len; at > 0;) {
        at -= step.len;
        struct arrival before = z->arrivals[at];
        z->arrivals[at] = step;
        step = before;
    }
}

/* --- writing it down -------------------------------------------------------------------------- */

struct writer {
    uint8_t *out;
    size_t len, cap;
    size_t state_at; /* the byte whose low bits count the literals after a match; 0: none */
    bool full;
};

static void put(struct writer *w, size_t byte) {
    if (w->len == w->cap) {
        w->full = true;
        return;
    }
    w->out[w->len++] = (uint8_t)byte;
}

static void put_extra(struct writer *w, size_t over) {
    for (; over > 255; over -= 255) {
        put(w, 0);
    }
    put(w, over);
}

static void put_literals(struct writer *w, const uint8_t *p, size_t count) {
    bool is_first = w->len == 0;
    if (is_first && count <= 238) {
        put(w, 17 + count);
    } else if (!is_first && count <= 3) {
        w->out[w->state_at] = (uint8_t)(w->out[w->state_at] | count);
    } else if (count <= 18) {
        put(w, count - 3);
    } else {
        put(w, 0);
        put_extra(w, count - 18);
    }
    for (size_t i = 0; i < count; i++) {
        put(w, p[i]);
    }
}

/* An instruction whose length may go on after it, and two bytes of distance. */
static void put_long_match(struct writer *w, size_t opcode, size_t len, size_t len_max,
                           size_t distance) {
    put(w, opcode | (len <= len_max ? len - 2 : 0));
    if (len > len_max) {
        put_extra(w, len - len_max);
    }
    w->state_at = w->len;
    put(w, distance << 2 & 0xff);
    put(w, distance >> 6);
}

static void put_match(struct writer *w, size_t len, size_t distance, size_t literals) {
    if (distance <= NEAR_MAX && len <= NEAR_LEN_MAX) {
        w->state_at = w->len;
        put(w, (len - 1) << 5 | ((distance - 1) & 7) << 2);
        put(w, (distance - 1) >> 3);
    } else if (len == MATCH_MIN && literals >= 4 && distance >= SHORT_MIN &&
               distance <= SHORT_MAX) {
        w->state_at = w->len;
        put(w, ((distance - SHORT_MIN) & 3) << 2);
        put(w, (distance - SHORT_MIN) >> 2);
    } else if (distance <= MIDDLE_MAX) {
        put_long_match(w, 0x20, len, MIDDLE_LEN_MAX, distance - 1);
    } else {
        size_t far = distance - MIDDLE_MAX;
        put_long_match(w, 0x10 | (far >> 14) << 3, len, FAR_LEN_MAX, far & 0x3fff);
    }
}

static size_t write_way(const struct lzo *z, const uint8_t *in, size_t len, uint8_t *out,
                        size_t cap) {
    struct writer w = { .out = out, .cap = cap };
    size_t literals = 0;
    for (size_t at = 0; at < len && !w.full;) {
        const struct arrival *step = &z->arrivals[at];
        if (step->len == 1) {
            literals++;
        } else {
            if (literals > 0) {
                put_literals(&w, in + at - literals, literals);
            }
            put_match(&w, step->len, step->distance, literals);
            literals = 0;
        }
        at += step->len;
    }
    if (literals > 0 && !w.full) {
        put_literals(&w, in + len - literals, literals);
    }
    put(&w, 0x11); /* a match of distance 0 */
    put(&w, 0);
    put(&w, 0);
    return w.full ? 0 : w.len;
}

size_t lzo_compress(struct lzo *z, int level, const uint8_t *in, size_t len, uint8_t *out,
                    size_t cap) {
    static const unsigned tries[] = { 0, 2, 4, 8, 16, 24, 32, 64, 128, 1024 };
    ASSERT(level >= 1 && level < (int)ARRAY_LEN(tries) && len <= z->max_bytes);
    if (len == 0) {
        return 0;
    }
    find_way(z, in, len, tries[level]);
    reverse_way(z, len);
    return write_way(z, in, len, out, cap);
}
