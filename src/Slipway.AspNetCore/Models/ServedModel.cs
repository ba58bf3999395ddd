using Microsoft.Extensions.AI;

namespace Slipway.AspNetCore.Models;

/// <summary>Names a model and says how it is made.</summary>
internal sealed record ModelRegistration(string Name, Func<IServiceProvider, ServedModel> Create);

/// <summary>Gives a model a further name.</summary>
internal sealed record AliasRegistration(string Alias, string Name);

/// <summary>Holds what answers for a name: one of chat, embeddings, ranking and labels.</summary>
/// <param name="name">The name that requests use.</param>
internal sealed class ServedModel(string name) : IDisposable
{
    private Action? _dispose;

    /// <summary>The name that requests use.</summary>
    public string Name { get; } = name;

    /// <summary>The folder of a package; null for models of other kinds.</summary>
    public string? Folder { get; init; }

    /// <summary>The client that chats; null where the model does not.</summary>
    public IChatClient? Chat { get; init; }

    /// <summary>The generator of embeddings; null where the model makes none.</summary>
    public IEmbeddingGenerator<string, Embedding<float>>? Embeddings { get; init; }

    /// <summary>The reranker; null where the model is none.</summary>
    public OnnxReranker? Reranker { get; init; }

    /// <summary>The classifier of texts; null where the model is none.</summary>
    public OnnxTextClassifier? Classifier { get; init; }

    /// <summary>The model's uses: <c>chat</c>, <c>embeddings</c>, <c>rerank</c>, <c>classify</c>.</summary>
    public IReadOnlyList<string> Capabilities =>
    [
        .. Chat is null ? [] : (string[])["chat"],
        .. Embeddings is null ? [] : (string[])["embeddings"],
        .. Reranker is null ? [] : (string[])["rerank"],
        .. Classifier is null ? [] : (string[])["classify"],
    ];

    /// <summary>The adapters that requests can choose; those of the package are known before it is loaded.</summary>
    public ModelAdapters Adapters { get; init; } = new([]);

    /// <summary>Holds the engine of a package that chats, loaded where it is not yet; null for other clients.</summary>
    /// <remarks>It is not unloaded before the result is disposed, and has the adapters that were added.</remarks>
    public async Task<EngineUse?> UseEngineAsync(CancellationToken cancellationToken)
    {
        if (Chat?.GetService<OnnxChatClient>() is { } client)
        {
            var lease = await client.LeaseModelAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await Adapters.RestoreAsync(lease.Model, cancellationToken).ConfigureAwait(false);
                return new EngineUse(lease.Model, lease);
            }
            catch
            {
                lease.Dispose();
                throw;
            }
        }

        return Chat?.GetService<LanguageModel>() is { } model ? new EngineUse(model, null) : null;
    }

    /// <summary>Loads the model and lets it compute something small; clients of other kinds are left alone.</summary>
    public async Task WarmUpAsync(CancellationToken cancellationToken)
    {
        const string text = "Hello";
        if (Embeddings?.GetService<OnnxEmbeddingGenerator>() is { } generator)
        {
            await generator.GenerateAsync([text], cancellationToken: cancellationToken).ConfigureAwait(false);
        }

        if (Reranker is not null)
        {
            await Reranker.ScoreAsync([(text, text)], cancellationToken).ConfigureAwait(false);
        }

        if (Classifier is not null)
        {
            await Classifier.ClassifyAsync([text], cancellationToken).ConfigureAwait(false);
        }

        using var use = await UseEngineAsync(cancellationToken).ConfigureAwait(false);
        if (use is { Model: var model })
        {
            var request = new GenerationRequest { PromptIds = [0], MaxOutputTokens = 1 };
            await foreach (var token in model.GenerateAsync(request, cancellationToken).ConfigureAwait(false))
            {
                _ = token;
            }
        }
    }

    /// <summary>The engine where it is loaded already; null where it is not, and for clients of other kinds.</summary>
    public LanguageModel? Loaded
        => Chat?.GetService<OnnxChatClient>() is { IsLoaded: true } client ? client.GetService<LanguageModel>() : null;

    /// <summary>Makes the server dispose what it made.</summary>
    public ServedModel Owning(IDisposable part)
    {
        _dispose += part.Dispose;
        return this;
    }

    public void Dispose()
    {
        _dispose?.Invoke();
        Adapters.Dispose();
    }
}

/// <summary>Holds an engine while a request uses it.</summary>
/// <param name="model">The engine.</param>
/// <param name="lease">Keeps it loaded; null where the server does not unload it.</param>
internal sealed class EngineUse(LanguageModel model, IDisposable? lease) : IDisposable
{
    /// <summary>The engine.</summary>
    public LanguageModel Model => model;

    public void Dispose() => lease?.Dispose();
}
