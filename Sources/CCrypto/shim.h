#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

/* libcrypto takes its locks away when a process begins to end, also from threads that use them just then, which crash.
   Whoever makes use of it, or of a library that does, calls this before; it costs nothing again. */
static inline void huikuan_keep_crypto(void) { OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL); }

/* HMAC-SHA256 (32 bytes), or HMAC-SHA1 (20) where `is_sha1`. */
static inline void huikuan_hmac(int is_sha1, const unsigned char *key, size_t key_length, const unsigned char *text,
                                size_t length, unsigned char *digest) {
    unsigned int count = 0;
    huikuan_keep_crypto();
    HMAC(is_sha1 ? EVP_sha1() : EVP_sha256(), key, (int)key_length, text, length, digest, &count);
}

/* Signatures of tokens (RFC 7518) by keys that came as numbers (RFC 7517). 1: good, 0: not. */

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

static int huikuan_verify(EVP_PKEY *key, int is_pss, const unsigned char *text, size_t length,
                          const unsigned char *signature, size_t signature_length) {
    int good = 0;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *details = NULL;
    if (context != NULL && EVP_DigestVerifyInit(context, &details, EVP_sha256(), NULL, key) == 1 &&
        (!is_pss || (EVP_PKEY_CTX_set_rsa_padding(details, RSA_PKCS1_PSS_PADDING) == 1 &&
                     EVP_PKEY_CTX_set_rsa_pss_saltlen(details, RSA_PSS_SALTLEN_DIGEST) == 1)))
        good = EVP_DigestVerify(context, signature, signature_length, text, length) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

static EVP_PKEY *huikuan_key(const char *type, OSSL_PARAM_BLD *builder) {
    huikuan_keep_crypto();
    EVP_PKEY *key = NULL;
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (params != NULL && context != NULL && EVP_PKEY_fromdata_init(context) == 1)
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    return key;
}

/* RS256, or PS256 where `is_pss`. Keys below 2048 bits are not believed. */
static inline int huikuan_verify_rsa(const unsigned char *n, size_t n_length, const unsigned char *e, size_t e_length,
                                     int is_pss, const unsigned char *text, size_t length,
                                     const unsigned char *signature, size_t signature_length) {
    if (n_length < 256 || n_length > 1024 || e_length == 0 || e_length > 8) return 0;
    BIGNUM *modulus = BN_bin2bn(n, (int)n_length, NULL), *exponent = BN_bin2bn(e, (int)e_length, NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    int good = 0;
    if (modulus != NULL && exponent != NULL && builder != NULL &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
        EVP_PKEY *key = huikuan_key("RSA", builder);
        if (key != NULL && EVP_PKEY_get_bits(key) >= 2048)
            good = huikuan_verify(key, is_pss, text, length, signature, signature_length);
        EVP_PKEY_free(key);
    }
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return good;
}

/* ES256: the signature is two numbers of 32 bytes. */
static inline int huikuan_verify_p256(const unsigned char *x, const unsigned char *y, const unsigned char *text,
                                      size_t length, const unsigned char *signature) {
    unsigned char point[65] = {4};
    for (int i = 0; i < 32; i++) {
        point[1 + i] = x[i];
        point[33 + i] = y[i];
    }
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    int good = 0;
    if (builder != NULL && OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1) {
        EVP_PKEY *key = huikuan_key("EC", builder);
        ECDSA_SIG *pair = ECDSA_SIG_new();
        BIGNUM *r = BN_bin2bn(signature, 32, NULL), *s = BN_bin2bn(signature + 32, 32, NULL);
        if (key != NULL && pair != NULL && r != NULL && s != NULL && ECDSA_SIG_set0(pair, r, s) == 1) {
            unsigned char *der = NULL;
            int der_length = i2d_ECDSA_SIG(pair, &der);
            if (der_length > 0) good = huikuan_verify(key, 0, text, length, der, (size_t)der_length);
            OPENSSL_free(der);
        }
        ECDSA_SIG_free(pair);
        EVP_PKEY_free(key);
    }
    OSSL_PARAM_BLD_free(builder);
    return good;
}
