using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Embeddings;

/// <summary>Holds embeddings in the order of their texts.</summary>
internal sealed record EmbeddingResponse(IReadOnlyList<EmbeddingItem> Data, string Model, TokenUsage Usage)
{
    public string Object { get; } = "list";
}

/// <summary>Holds an embedding.</summary>
internal sealed record EmbeddingItem(int Index, EmbeddingValue Embedding)
{
    public string Object { get; } = "embedding";
}

/// <summary>Holds the numbers of an embedding, and how they are written.</summary>
/// <param name="Numbers">The numbers.</param>
/// <param name="IsBase64">Whether their bytes are written, little-endian, or they themselves.</param>
[JsonConverter(typeof(EmbeddingConverter))]
internal sealed record EmbeddingValue(ReadOnlyMemory<float> Numbers, bool IsBase64);

/// <summary>Writes embeddings in either of their forms.</summary>
internal sealed class EmbeddingConverter : JsonConverter<EmbeddingValue>
{
    public override EmbeddingValue Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        => throw new NotSupportedException("Embeddings are written, never read.");

    public override void Write(Utf8JsonWriter writer, EmbeddingValue value, JsonSerializerOptions options)
    {
        if (value.IsBase64)
        {
            writer.WriteBase64StringValue(MemoryMarshal.AsBytes(value.Numbers.Span));
            return;
        }

        writer.WriteStartArray();
        foreach (var number in value.Numbers.Span)
        {
            writer.WriteNumberValue(number);
        }

        writer.WriteEndArray();
    }
}
