#include <curl/curl.h>
#include <string.h>

/* libcurl's options take variable arguments, which Swift can't call; these have fixed ones. */

typedef struct {
    const char *bytes;
    size_t length;
    size_t position;
} huikuan_upload;

static size_t huikuan_curl_read(char *buffer, size_t size, size_t count, void *from) {
    huikuan_upload *upload = (huikuan_upload *)from;
    size_t room = size * count, left = upload->length - upload->position;
    size_t taken = left < room ? left : room;
    memcpy(buffer, upload->bytes + upload->position, taken);
    upload->position += taken;
    return taken;
}

static size_t huikuan_curl_ignore(char *buffer, size_t size, size_t count, void *to) {
    (void)buffer;
    (void)to;
    return size * count;
}

static inline void huikuan_curl_set_text(CURL *curl, CURLoption option, const char *text) {
    curl_easy_setopt(curl, option, text);
}

static inline void huikuan_curl_set_number(CURL *curl, CURLoption option, long number) {
    curl_easy_setopt(curl, option, number);
}

static inline void huikuan_curl_set_list(CURL *curl, CURLoption option, struct curl_slist *list) {
    curl_easy_setopt(curl, option, list);
}

static inline void huikuan_curl_set_upload(CURL *curl, huikuan_upload *upload) {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, huikuan_curl_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, upload);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, huikuan_curl_ignore);
}

static inline void huikuan_curl_set_error(CURL *curl, char *buffer) {
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, buffer);
}

static inline long huikuan_curl_response(CURL *curl) {
    long code = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
    return code;
}

/* Requests to other systems: an answer of bounded size, and no connection to addresses that nobody means. */

#include <arpa/inet.h>
#include <stdlib.h>

typedef struct {
    char *bytes;
    size_t length;
    size_t most;
} huikuan_answer;

static size_t huikuan_curl_keep(char *buffer, size_t size, size_t count, void *to) {
    huikuan_answer *answer = (huikuan_answer *)to;
    size_t length = size * count;
    size_t all = length, room = answer->most - answer->length;
    /* What is too much is passed over: the status counts all the same. */
    if (length > room) length = room;
    if (length == 0) return all;
    char *grown = (char *)realloc(answer->bytes, answer->length + length);
    if (grown == NULL && length > 0) return 0;
    if (length > 0) memcpy(grown + answer->length, buffer, length);
    if (grown != NULL) answer->bytes = grown;
    answer->length += length;
    return all;
}

static inline void huikuan_curl_set_answer(CURL *curl, huikuan_answer *answer) {
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, huikuan_curl_keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
}

static inline void huikuan_curl_set_body(CURL *curl, const char *bytes, long length) {
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, length);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, bytes);
}

/* Whether an address may be spoken to. `only_here` allows this machine alone. Never: link-local addresses (where clouds
   keep their secrets), multicast, broadcast and "any". */
static int huikuan_address_is_allowed(const char *text, int only_here) {
    struct in_addr four;
    struct in6_addr six;
    if (inet_pton(AF_INET, text, &four) == 1) {
        unsigned int value = ntohl(four.s_addr), first = value >> 24;
        if (first == 127) return 1;
        if (only_here) return 0;
        /* Link-local, and where one cloud keeps the secrets of its machines. */
        return !(first == 0 || first >= 224 || (value >> 16) == 0xA9FE || value == 0x646464C8);
    }
    if (inet_pton(AF_INET6, text, &six) == 1) {
        const unsigned char *b = six.s6_addr;
        static const unsigned char here[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
        static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
        static const unsigned char secrets[16] = {0xfd, 0, 0x0e, 0xc2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x02, 0x54};
        if (memcmp(b, here, 16) == 0) return 1;
        if (memcmp(b, secrets, 16) == 0) return 0;
        if (memcmp(b, mapped, 12) == 0) {
            char plain[INET_ADDRSTRLEN];
            return inet_ntop(AF_INET, b + 12, plain, sizeof plain) != NULL && huikuan_address_is_allowed(plain, only_here);
        }
        if (only_here) return 0;
        /* Addresses of the older kind in the clothes of NAT64 and 6to4. */
        static const unsigned char nat64[12] = {0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};
        if (memcmp(b, nat64, 12) == 0 || (b[0] == 0x20 && b[1] == 0x02)) {
            char plain[INET_ADDRSTRLEN];
            const unsigned char *four = b[0] == 0x20 ? b + 2 : b + 12;
            return four[0] != 127 && inet_ntop(AF_INET, four, plain, sizeof plain) != NULL
                && huikuan_address_is_allowed(plain, only_here);
        }
        return !(b[0] == 0xff || (b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || (b[0] == 0 && b[1] == 0));
    }
    return 0;
}

static int huikuan_curl_look(void *only_here, char *address, char *own, int port, int own_port) {
    (void)own;
    (void)port;
    (void)own_port;
    return huikuan_address_is_allowed(address, only_here != NULL) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static inline void huikuan_curl_guard_address(CURL *curl, int only_here) {
    curl_easy_setopt(curl, CURLOPT_PREREQFUNCTION, huikuan_curl_look);
    curl_easy_setopt(curl, CURLOPT_PREREQDATA, only_here ? (void *)curl : NULL);
}
