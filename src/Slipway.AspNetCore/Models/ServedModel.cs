using Microsoft.Extensions.AI;

namespace Slipway.AspNetCore.Models;

/// <summary>Names a model and says how it is made.</summary>
internal sealed record ModelRegistration(string Name, Func<IServiceProvider, ServedModel> Create);

/// <summary>Holds what answers for a name: one of chat, embeddings and ranking.</summary>
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

    /// <summary>The engine of a package that chats; null for clients of other kinds.</summary>
    /// <remarks>Loads the package where it is not loaded yet.</remarks>
    public Task<LanguageModel?> EngineAsync()
        => Task.Run(() => Chat?.GetService<LanguageModel>());

    /// <summary>The engine where it is loaded already; null where it is not, and for clients of other kinds.</summary>
    public LanguageModel? Loaded
        => Chat?.GetService<OnnxChatClient>() is { IsLoaded: true } client ? client.GetService<LanguageModel>() : null;

    /// <summary>Makes the server dispose what it made.</summary>
    public ServedModel Owning(IDisposable part)
    {
        _dispose += part.Dispose;
        return this;
    }

    public void Dispose() => _dispose?.Invoke();
}
