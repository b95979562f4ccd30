/*
 * Fuzz target: any bytes, parsed as a stream of requests. Nothing may be read outside of them, everything that a parsed
 * request points at must be inside, a message is used up whole or not at all, and one whose last byte is missing is not
 * there yet.
 *
 * With clang: `../build.sh fuzz`. Each input is copied to memory of exactly its size, so that AddressSanitizer sees a
 * read beyond the end by a single byte.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../src/request.h"

static struct request request;

static void check_text(const char *text, const uint8_t *bytes, size_t size)
{
    const char *start = (const char *)bytes;
    assert(*text == 0 || (text >= start && text < start + size));
    assert(strlen(text) < size || *text == 0);
}

static void check_texts(const struct texts *texts, const uint8_t *bytes, size_t size)
{
    const char **vector = calloc((size_t)texts->count + 1, sizeof *vector);
    assert(vector != NULL);
    request_vector(texts, vector);
    for (uint32_t i = 0; i < texts->count; i++) check_text(vector[i], bytes, size);
    assert(vector[texts->count] == NULL);
    free(vector);
}

static void check_spawn(const struct spawn_request *spawn, const uint8_t *bytes, size_t size)
{
    check_text(spawn->file, bytes, size);
    check_text(spawn->directory, bytes, size);
    check_text(spawn->cgroup, bytes, size);
    assert(spawn->arguments.count > 0);
    assert(spawn->arguments.count + spawn->environment.count <= STRINGS_MAX);
    check_texts(&spawn->arguments, bytes, size);
    check_texts(&spawn->environment, bytes, size);
    for (unsigned i = 0; i < 3; i++) {
        if (spawn->streams[i].kind == STREAM_FILE) check_text(spawn->streams[i].path, bytes, size);
        if (spawn->streams[i].kind == STREAM_SAME) assert(spawn->streams[i].same < i);
        if (spawn->streams[i].kind == STREAM_RELAY) assert(i > 0);
    }
    assert(spawn->attributes.group_count <= GROUPS_MAX);
    assert(spawn->attributes.limit_count <= LIMITS_MAX);
    assert(spawn->attributes.affinity_size <= AFFINITY_MAX);
    assert(spawn->attributes.descriptor_count <= DESCRIPTORS_MAX);
    for (uint32_t i = 0, least = 3; i < spawn->attributes.descriptor_count; i++) {
        uint32_t fd = spawn->attributes.descriptors[i].fd;
        assert(fd >= least && fd <= DESCRIPTOR_LAST);
        least = fd + 1;
    }
}

static void check_part(const uint8_t *bytes, size_t size)
{
    static struct request part;
    size_t used = 0;
    assert(request_parse(&part, bytes, size, &used) == PARSED_INCOMPLETE && used == 0);
}

static size_t parse_one(const uint8_t *bytes, size_t size)
{
    size_t used = 0;
    switch (request_parse(&request, bytes, size, &used)) {
    case PARSED_REQUEST:
        if (request.type == REQUEST_SPAWN) check_spawn(&request.spawn, bytes, used);
        if (request.type == REQUEST_GUARD || request.type == REQUEST_UNGUARD) check_text(request.path, bytes, used);
        /* fallthrough */
    case PARSED_UNKNOWN:
        assert(used >= 6 && used <= size && used <= (size_t)MESSAGE_MAX + 4);
        check_part(bytes, used - 1);
        return used;
    case PARSED_INCOMPLETE:
        assert(used == 0);
        return 0;
    default:
        return 0;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *bytes = malloc(size > 0 ? size : 1);
    assert(bytes != NULL);
    memcpy(bytes, data, size);
    for (size_t at = 0, used; at < size && (used = parse_one(bytes + at, size - at)) > 0;) at += used;
    free(bytes);
    return 0;
}
