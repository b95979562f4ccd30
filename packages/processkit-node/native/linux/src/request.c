#include "request.h"

#include "text.h"

/* Reads fields one after the other; after the first that is missing, everything reads as zero. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool broken;
};

static const uint8_t *take(struct cursor *cursor, size_t size)
{
    const uint8_t *start = cursor->at;
    if (cursor->broken || (size_t)(cursor->end - cursor->at) < size) {
        cursor->broken = true;
        return NULL;
    }
    cursor->at += size;
    return start;
}

static uint64_t take_number(struct cursor *cursor, unsigned size)
{
    const uint8_t *bytes = take(cursor, size);
    uint64_t value = 0;
    if (bytes == NULL) return 0;
    while (size-- > 0) value = value << 8 | bytes[size];
    return value;
}

static uint8_t take_u8(struct cursor *cursor) { return (uint8_t)take_number(cursor, 1); }
static uint16_t take_u16(struct cursor *cursor) { return (uint16_t)take_number(cursor, 2); }
static uint32_t take_u32(struct cursor *cursor) { return (uint32_t)take_number(cursor, 4); }
static uint64_t take_u64(struct cursor *cursor) { return take_number(cursor, 8); }

/* Reads a count and refuses one above `most`. */
static uint32_t take_count(struct cursor *cursor, uint32_t most)
{
    uint32_t count = take_u32(cursor);
    if (count > most) cursor->broken = true;
    return cursor->broken ? 0 : count;
}

static uint32_t count_terminators(const char *bytes, uint32_t size)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < size; i++) count += bytes[i] == 0;
    return count;
}

static struct texts take_texts(struct cursor *cursor)
{
    struct texts texts;
    texts.count = take_count(cursor, STRINGS_MAX);
    texts.size = take_u32(cursor);
    texts.bytes = (const char *)take(cursor, texts.size);
    if (texts.bytes == NULL) return (struct texts){0};
    bool terminated = texts.size == 0 || texts.bytes[texts.size - 1] == 0;
    if (!terminated || count_terminators(texts.bytes, texts.size) != texts.count) cursor->broken = true;
    return texts;
}

/* One text: its size with the terminator, which is its only zero byte. */
static const char *take_text(struct cursor *cursor)
{
    uint32_t size = take_u32(cursor);
    const char *bytes = (const char *)take(cursor, size);
    if (bytes == NULL || size == 0 || bytes[size - 1] != 0 || count_terminators(bytes, size) != 1) {
        cursor->broken = true;
        return "";
    }
    return bytes;
}

static void take_stream(struct cursor *cursor, struct stream *stream, uint8_t index)
{
    stream->kind = take_u8(cursor);
    switch (stream->kind) {
    case STREAM_NULL:
    case STREAM_PIPE:
    case STREAM_INHERIT:
        break;
    case STREAM_RELAY:
        if (index == 0) cursor->broken = true;
        break;
    case STREAM_FILE:
        stream->flags = take_u32(cursor);
        stream->mode = take_u32(cursor);
        stream->path = take_text(cursor);
        if ((stream->flags & ~(uint32_t)FILE_FLAGS_KNOWN) != 0 || stream->mode > 0777) cursor->broken = true;
        if ((stream->flags & (FILE_READ | FILE_WRITE)) == 0) cursor->broken = true;
        break;
    case STREAM_LINK:
        stream->link = take_u32(cursor);
        break;
    case STREAM_SAME:
        stream->same = take_u8(cursor);
        if (stream->same >= index) cursor->broken = true;
        break;
    default:
        cursor->broken = true;
    }
}

static void take_groups(struct cursor *cursor, struct attributes *attributes)
{
    attributes->group_count = take_count(cursor, GROUPS_MAX);
    for (uint32_t i = 0; i < attributes->group_count; i++) attributes->groups[i] = take_u32(cursor);
}

static void take_limits(struct cursor *cursor, struct attributes *attributes)
{
    attributes->limit_count = take_count(cursor, LIMITS_MAX);
    for (uint32_t i = 0; i < attributes->limit_count; i++) {
        struct resource_limit *limit = &attributes->limits[i];
        limit->resource = take_u32(cursor);
        limit->soft = take_u64(cursor);
        limit->hard = take_u64(cursor);
    }
}

static void take_affinity(struct cursor *cursor, struct attributes *attributes)
{
    attributes->affinity_size = take_count(cursor, AFFINITY_MAX);
    const uint8_t *mask = take(cursor, attributes->affinity_size);
    if (mask != NULL) memcpy(attributes->affinity, mask, attributes->affinity_size);
}

static void take_descriptors(struct cursor *cursor, struct attributes *attributes)
{
    uint32_t least = 3;
    attributes->descriptor_count = take_count(cursor, DESCRIPTORS_MAX);
    for (uint32_t i = 0; i < attributes->descriptor_count; i++) {
        struct descriptor *descriptor = &attributes->descriptors[i];
        descriptor->fd = take_u32(cursor);
        descriptor->direction = take_u32(cursor);
        if (descriptor->fd < least || descriptor->fd > DESCRIPTOR_LAST) cursor->broken = true;
        if (descriptor->direction > DIRECTION_BOTH) cursor->broken = true;
        least = descriptor->fd + 1;
    }
}

/* To the kernel the highest number is nobody, and a change to it no change: the child would keep the owner's rights. */
static uint32_t take_identity(struct cursor *cursor)
{
    uint32_t identity = take_u32(cursor);
    if (identity == UINT32_MAX) cursor->broken = true;
    return identity;
}

/* Attributes follow in the order of their bits; those from 8 to 11 have no value. */
static void take_attributes(struct cursor *cursor, struct attributes *attributes)
{
    uint32_t present = attributes->present;
    if ((present & ~(uint32_t)ATTRIBUTES_KNOWN) != 0) cursor->broken = true;
    if (present & ATTRIBUTE_UID) attributes->uid = take_identity(cursor);
    if (present & ATTRIBUTE_GID) attributes->gid = take_identity(cursor);
    if (present & ATTRIBUTE_GROUPS) take_groups(cursor, attributes);
    if (present & ATTRIBUTE_UMASK) attributes->umask = take_u32(cursor);
    if (present & ATTRIBUTE_LIMITS) take_limits(cursor, attributes);
    if (present & ATTRIBUTE_NICE) attributes->nice = (int32_t)take_u32(cursor);
    if (present & ATTRIBUTE_AFFINITY) take_affinity(cursor, attributes);
    if (present & ATTRIBUTE_IO_PRIORITY) attributes->io_priority = take_u32(cursor);
    if (present & ATTRIBUTE_DESCRIPTORS) take_descriptors(cursor, attributes);
    if (attributes->umask > 0777) cursor->broken = true;
}

static void take_spawn(struct cursor *cursor, struct spawn_request *spawn)
{
    spawn->id = take_u32(cursor);
    spawn->attributes.present = take_u32(cursor);
    spawn->file = take_text(cursor);
    spawn->directory = take_text(cursor);
    spawn->cgroup = take_text(cursor);
    spawn->arguments = take_texts(cursor);
    spawn->environment = take_texts(cursor);
    for (uint8_t i = 0; i < 3; i++) take_stream(cursor, &spawn->streams[i], i);
    take_attributes(cursor, &spawn->attributes);
    if ((uint64_t)spawn->arguments.count + spawn->environment.count > STRINGS_MAX) cursor->broken = true;
    if (spawn->arguments.count == 0) cursor->broken = true;
}

/* Reads the fields of one type; false where the type is unknown. */
static bool take_body(struct cursor *cursor, struct request *request)
{
    if (request->type == REQUEST_SPAWN) {
        take_spawn(cursor, &request->spawn);
        request->token = request->spawn.id;
        return true;
    }
    request->token = take_u32(cursor);
    switch (request->type) {
    case REQUEST_HELLO:
        request->version = take_u16(cursor);
        request->mode = take_u16(cursor);
        return true;
    case REQUEST_GUARD:
    case REQUEST_UNGUARD:
        request->path = take_text(cursor);
        return true;
    case REQUEST_SIGNAL:
        request->child = take_u32(cursor);
        request->number = take_u16(cursor);
        return true;
    case REQUEST_TREE:
        request->child = take_u32(cursor);
        request->action = take_u16(cursor);
        request->number = take_u16(cursor);
        return true;
    case REQUEST_PING:
        return true;
    case REQUEST_UNLINK:
        request->link = take_u32(cursor);
        return true;
    case REQUEST_CLOSE:
        request->child = take_u32(cursor);
        request->stream = take_u16(cursor);
        return true;
    default:
        return false;
    }
}

/* Everything but the large arrays, which are read only as far as their counts say. */
static void clear(struct request *request)
{
    struct spawn_request *spawn = &request->spawn;
    request->token = request->child = request->link = 0;
    request->version = request->mode = request->action = request->number = request->stream = 0;
    request->path = "";
    spawn->attributes.group_count = spawn->attributes.limit_count = spawn->attributes.affinity_size = 0;
    spawn->attributes.descriptor_count = 0;
    spawn->attributes.umask = 0;
    spawn->attributes.present = 0;
    memset(spawn->streams, 0, sizeof spawn->streams);
}

enum parsed request_parse(struct request *request, const uint8_t *bytes, size_t size, size_t *used)
{
    struct cursor head = {bytes, bytes + size, false};
    uint32_t length = take_u32(&head);
    if (head.broken) return PARSED_INCOMPLETE;
    if (length > MESSAGE_MAX) return PARSED_OVERSIZED;
    if (size - 4 < length) return PARSED_INCOMPLETE;
    *used = (size_t)length + 4;

    struct cursor body = {bytes + 4, bytes + 4 + length, false};
    clear(request);
    request->type = take_u16(&body);
    if (body.broken) return PARSED_MALFORMED;
    if (!take_body(&body, request)) return body.broken ? PARSED_MALFORMED : PARSED_UNKNOWN;
    return body.broken || body.at != body.end ? PARSED_MALFORMED : PARSED_REQUEST;
}

void request_vector(const struct texts *texts, const char **vector)
{
    const char *text = texts->bytes;
    for (uint32_t i = 0; i < texts->count; i++) {
        vector[i] = text;
        text += text_length(text) + 1;
    }
    vector[texts->count] = NULL;
}
