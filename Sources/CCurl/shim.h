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
