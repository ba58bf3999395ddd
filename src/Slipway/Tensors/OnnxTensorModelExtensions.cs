using Microsoft.Extensions.AI;
using Slipway.Tensors;
using Slipway.Tokenization;

namespace Slipway;

/// <summary>Adapts graphs to the interfaces of Microsoft.Extensions.AI.</summary>
public static class OnnxTensorModelExtensions
{
    private const int DefaultTokens = 512;

    /// <summary>Embeds texts with a graph.</summary>
    /// <remarks>
    /// The graph takes ids, int64 [batch, sequence], and where it has them <c>attention_mask</c> and
    /// <c>token_type_ids</c>. Its first float32 output is the embedding, [batch, width], or one for each token, [batch,
    /// sequence, width], of which the mean over the text is taken.
    /// </remarks>
    /// <param name="model">The graph; it stays the caller's.</param>
    /// <param name="tokenizer">Makes the ids.</param>
    /// <param name="maxTokens">Longer texts are cut off.</param>
    /// <exception cref="NotSupportedException">The graph takes no ids, or gives no embeddings.</exception>
    public static IEmbeddingGenerator<string, Embedding<float>> AsEmbeddingGenerator(
        this OnnxTensorModel model, HuggingFaceTokenizer tokenizer, int maxTokens = DefaultTokens)
        => new Generator(model, new TextRunner(model, tokenizer, maxTokens));

    private sealed class Generator(OnnxTensorModel model, TextRunner runner)
        : IEmbeddingGenerator<string, Embedding<float>>
    {
        private readonly string _name = Path.GetFileNameWithoutExtension(model.Path);

        public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
            IEnumerable<string> values, EmbeddingGenerationOptions? options = null,
            CancellationToken cancellationToken = default)
        {
            ArgumentNullException.ThrowIfNull(values);
            if (options?.Dimensions is { } asked && asked != runner.Width)
            {
                throw new ArgumentException(
                    $"EmbeddingGenerationOptions.Dimensions is '{asked}'; the graph gives {runner.Width}.",
                    nameof(options));
            }

            var (rows, tokens) = await runner.RunAsync([.. values], cancellationToken).ConfigureAwait(false);
            return new(rows.Select(row => new Embedding<float>(row) { ModelId = _name }))
            {
                Usage = new() { InputTokenCount = tokens, TotalTokenCount = tokens },
            };
        }

        public object? GetService(Type serviceType, object? serviceKey = null)
        {
            ArgumentNullException.ThrowIfNull(serviceType);
            return serviceKey is not null ? null
                : serviceType == typeof(EmbeddingGeneratorMetadata)
                    ? new EmbeddingGeneratorMetadata("onnx", providerUri: null, _name, runner.Width)
                : serviceType.IsInstanceOfType(model) ? model
                : serviceType.IsInstanceOfType(this) ? this
                : null;
        }

        // The graph is the caller's.
        public void Dispose()
        {
        }
    }
}
