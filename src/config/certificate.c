// SPDX-License-Identifier: Apache-2.0
/*
 * Is a text a certificate in PEM form? The structure is walked (RFC 5280, section 4.1) and not
 * decoded: libcrypto's decoder sets up its providers for the public key, which takes longer than
 * all the rest of a validation.
 */
#include <openssl/asn1.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "config/internal.h"

struct der {
    const unsigned char *at;
    const unsigned char *end;
};

/* Steps over one element; *ret_inside is its content. */
static bool take_element(struct der *d, int tag, int class, struct der *ret_inside) {
    const unsigned char *at = d->at;
    long len;
    int found_tag;
    int found_class;
    int flags = ASN1_get_object(&at, &len, &found_tag, &found_class, d->end - d->at);
    bool indefinite = (flags & 1) != 0;
    if ((flags & 0x80) != 0 || indefinite || found_tag != tag || found_class != class) {
        return false;
    }
    *ret_inside = (struct der){ at, at + len };
    d->at = at + len;
    return true;
}

static bool take(struct der *d, int tag, struct der *ret_inside) {
    return take_element(d, tag, V_ASN1_UNIVERSAL, ret_inside);
}

/* TBSCertificate: [0] version, serial number, signature algorithm, issuer, validity, subject,
 * public key, and what may follow. */
static bool is_tbs_certificate(struct der tbs) {
    static const int tags[] = { V_ASN1_INTEGER,  V_ASN1_SEQUENCE, V_ASN1_SEQUENCE,
                                V_ASN1_SEQUENCE, V_ASN1_SEQUENCE, V_ASN1_SEQUENCE };
    struct der inside;
    take_element(&tbs, 0, V_ASN1_CONTEXT_SPECIFIC, &inside); /* a version 1 certificate has none */
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (!take(&tbs, tags[i], &inside)) {
            return false;
        }
    }
    return true;
}

static bool is_certificate(struct der all) {
    struct der certificate;
    struct der tbs;
    struct der inside;
    return take(&all, V_ASN1_SEQUENCE, &certificate) && all.at == all.end &&
           take(&certificate, V_ASN1_SEQUENCE, &tbs) &&
           take(&certificate, V_ASN1_SEQUENCE, &inside) &&
           take(&certificate, V_ASN1_BIT_STRING, &inside) && certificate.at == certificate.end &&
           is_tbs_certificate(tbs);
}

bool holds_certificate(str text) {
    /* Its messages, thousands, are sorted into a table at the first error otherwise. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS, NULL);
    BIO *bio = BIO_new_mem_buf(text.ptr, (int)text.len);
    char *name = NULL;
    char *header = NULL;
    unsigned char *data = NULL;
    long len = 0;
    bool found = false;
    while (bio != NULL && !found && PEM_read_bio(bio, &name, &header, &data, &len) == 1) {
        found =
            strcmp(name, PEM_STRING_X509) == 0 && is_certificate((struct der){ data, data + len });
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    BIO_free(bio);
    ERR_clear_error();
    return found;
}
