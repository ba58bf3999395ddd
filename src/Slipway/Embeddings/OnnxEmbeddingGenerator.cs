using System.Numerics.Tensors;
using Microsoft.Extensions.AI;
using Slipway.Chat;
using Slipway.Embeddings;
using Slipway.Loading;
using Slipway.Packaging;
using Slipway.Tokenization;

namespace Slipway;

/// <summary>Embeds texts with the model of a package through Microsoft.Extensions.AI.</summary>
/// <remarks>
/// Safe for concurrent use. Pooling and normalization are the model's own. The package is loaded with the first
/// request, or where its metadata is asked for, and disposed with the generator. Texts longer than the model's context
/// are cut off; where its files have a <c>truncate_dim</c>, its embeddings are their first numbers, as they are. Where
/// the model's files name a prompt for all texts, it goes before each;
/// <see cref="OnnxEmbeddingGeneratorOptions.PromptName"/>, or the entry <c>prompt_name</c> of a request's
/// <see cref="EmbeddingGenerationOptions.AdditionalProperties"/>, chooses another. Special tokens that a text spells,
/// such as <c>[MASK]</c>, are those tokens, as the models' reference implementations read them.
/// </remarks>
public sealed class OnnxEmbeddingGenerator : IEmbeddingGenerator<string, Embedding<float>>
{
    private readonly OnnxEmbeddingGeneratorOptions _options;
    private readonly TimeProvider _time;
    private readonly LazyModel<EmbeddingModel> _model;

    /// <summary>Creates a generator over a package.</summary>
    /// <param name="packagePath">The package folder.</param>
    public OnnxEmbeddingGenerator(string packagePath)
        : this(new OnnxEmbeddingGeneratorOptions { PackagePath = packagePath })
    {
    }

    /// <summary>Creates a generator over a package.</summary>
    /// <param name="options">The package and what may be used for it; later changes have no effect.</param>
    /// <param name="timeProvider">Tells the time for embeddings; null for the system's.</param>
    /// <exception cref="ArgumentException">An option is missing or out of range; the message names every
    /// one.</exception>
    public OnnxEmbeddingGenerator(OnnxEmbeddingGeneratorOptions options, TimeProvider? timeProvider = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.Checked<OnnxEmbeddingGeneratorOptions>();
        _model = _options.Lazy(
            typeof(OnnxEmbeddingGenerator), () => EmbeddingModel.Load(_options), timeProvider);
        _time = timeProvider ?? TimeProvider.System;
    }

    private string ModelId => _options.Name;

    /// <inheritdoc/>
    /// <remarks>
    /// The embeddings come in the order of the texts. <see cref="EmbeddingGenerationOptions.Dimensions"/> keeps the
    /// first numbers of each and scales them to length 1, for models that were trained for it.
    /// </remarks>
    /// <exception cref="ArgumentException">
    /// A text is null, there are fewer dimensions than asked for, or there is no such prompt.
    /// </exception>
    /// <exception cref="NotSupportedException">The options ask for another model, or the package embeds no
    /// texts.</exception>
    /// <exception cref="PackageException">A file of the package is missing, altered or malformed.</exception>
    public async Task<GeneratedEmbeddings<Embedding<float>>> GenerateAsync(
        IEnumerable<string> values,
        EmbeddingGenerationOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(values);
        string[] texts = [.. values];
        if (Array.FindIndex(texts, text => text is null) is >= 0 and var missing)
        {
            throw new ArgumentException($"The text at '{missing}' is null. Leave it out, or embed ''.", nameof(values));
        }

        if (options?.ModelId is { } asked && asked != ModelId)
        {
            throw new NotSupportedException(
                $"EmbeddingGenerationOptions.ModelId is '{asked}'; this generator serves '{ModelId}' only. Leave it "
                + "null, or register a generator of its own for each model, by key.");
        }

        using var use = await _model.UseAsync(cancellationToken).ConfigureAwait(false);
        var model = use.Model;
        var dimensions = Dimensions(options, model);
        var extra = new AdditionalOptions(options?.AdditionalProperties, nameof(EmbeddingGenerationOptions));
        var prompt = model.Prompt(extra.Text("prompt_name") ?? _options.PromptName);
        var ids = await Task.Run(
            () => Array.ConvertAll(texts, text => model.Encode(text, prompt)), cancellationToken).ConfigureAwait(false);
        var embeddings = await model.EmbedAsync(ids, prompt, cancellationToken).ConfigureAwait(false);
        var (created, tokens) = (_time.GetUtcNow(), ids.Sum(text => (long)text.Ids.Length));
        return new(embeddings.Select(embedding => new Embedding<float>(Shorten(embedding, dimensions))
        {
            CreatedAt = created,
            ModelId = ModelId,
        }))
        {
            Usage = new() { InputTokenCount = tokens, TotalTokenCount = tokens },
        };
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Answers <see cref="EmbeddingGeneratorMetadata"/>, whose dimensions are the model's, its
    /// <see cref="EncoderPackage"/> and <see cref="HuggingFaceTokenizer"/>, and the generator itself. A model that is
    /// not loaded yet is loaded.
    /// </remarks>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(EmbeddingGeneratorMetadata)
                ? new EmbeddingGeneratorMetadata(
                    "onnx", providerUri: null, ModelId, _options.Dimensions ?? OfModel(model => model.Dimensions))
            : serviceType == typeof(EncoderPackage) ? OfModel(model => model.Package)
            : serviceType == typeof(HuggingFaceTokenizer) ? OfModel(model => model.Tokenizer)
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <summary>Frees the model once the batch in progress has ended; later requests are refused.</summary>
    public void Dispose() => _model.Dispose();

    private TPart OfModel<TPart>(Func<EmbeddingModel, TPart> part)
    {
        using var use = _model.Use();
        return part(use.Model);
    }

    private int Dimensions(EmbeddingGenerationOptions? options, EmbeddingModel model)
        => (options?.Dimensions ?? _options.Dimensions) is not { } asked ? model.Dimensions
            : asked >= 1 && asked <= model.Dimensions ? asked
            : throw new ArgumentException(
                $"{(options?.Dimensions is null ? "" : "EmbeddingGenerationOptions.")}Dimensions is '{asked}'; "
                + $"expected from 1 to the model's {model.Dimensions}.",
                nameof(options));

    private static float[] Shorten(float[] embedding, int dimensions)
    {
        if (dimensions == embedding.Length)
        {
            return embedding;
        }

        var first = embedding[..dimensions];
        var norm = TensorPrimitives.Norm<float>(first);
        TensorPrimitives.Divide(first, norm > 0 ? norm : 1, first);
        return first;
    }
}
