using System.Text.Json;
using System.Text.Json.Serialization;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Holds the usage of a stream's part: absent where none is asked for, null until the last part.</summary>
/// <param name="IsTold">Whether usage is asked for.</param>
/// <param name="Usage">The usage; null where it is not known yet.</param>
[JsonConverter(typeof(StreamedUsageConverter))]
internal readonly record struct StreamedUsage(bool IsTold, TokenUsage? Usage = null);

/// <summary>Writes usage as null or as what it holds.</summary>
internal sealed class StreamedUsageConverter : JsonConverter<StreamedUsage>
{
    public override StreamedUsage Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => throw new NotSupportedException("Usage is written, never read.");

    public override void Write(Utf8JsonWriter writer, StreamedUsage value, JsonSerializerOptions options)
    {
        if (value.Usage is { } usage)
        {
            JsonSerializer.Serialize(writer, usage, OpenAIJson.Default.TokenUsage);
        }
        else
        {
            writer.WriteNullValue();
        }
    }
}
