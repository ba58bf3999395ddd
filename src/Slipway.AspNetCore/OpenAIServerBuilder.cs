using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Slipway.AspNetCore.Models;

namespace Slipway.AspNetCore;

/// <summary>Names the models that the server serves.</summary>
/// <remarks>Models are made with their first request; the server disposes those that it made.</remarks>
public sealed class OpenAIServerBuilder
{
    internal OpenAIServerBuilder(IServiceCollection services) => Services = services;

    /// <summary>The services that models are registered in.</summary>
    public IServiceCollection Services { get; }

    /// <summary>
    /// Serves a package: a chat model, an embedding model, a reranker or a classifier, as its files say.
    /// </summary>
    /// <param name="packagePath">The package folder.</param>
    /// <param name="name">The name that requests use; null for the folder's own.</param>
    /// <param name="configure">
    /// Sets options; of those an encoder takes threads, memory budget and idle time.
    /// </param>
    /// <exception cref="ArgumentException">The path or the name is empty.</exception>
    public OpenAIServerBuilder AddModel(
        string packagePath, string? name = null, Action<OnnxChatClientOptions>? configure = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(packagePath);
        var path = Path.GetFullPath(packagePath);
        return Add(name ?? new DirectoryInfo(path).Name, (model, provider) => PackageModel.Create(
            model, path, configure, provider.GetService<ILoggerFactory>(), provider.GetService<TimeProvider>()));
    }

    /// <summary>Serves a chat client of any kind.</summary>
    /// <param name="name">The name that requests use.</param>
    /// <param name="create">Makes the client, or finds it in the services.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public OpenAIServerBuilder AddChatClient(string name, Func<IServiceProvider, IChatClient> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        return Add(name, (model, provider) => new ServedModel(model) { Chat = create(provider) });
    }

    /// <summary>Serves an embedding generator of any kind.</summary>
    /// <param name="name">The name that requests use.</param>
    /// <param name="create">Makes the generator, or finds it in the services.</param>
    /// <exception cref="ArgumentException">The name is empty.</exception>
    public OpenAIServerBuilder AddEmbeddingGenerator(
        string name, Func<IServiceProvider, IEmbeddingGenerator<string, Embedding<float>>> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        return Add(name, (model, provider) => new ServedModel(model) { Embeddings = create(provider) });
    }

    /// <summary>Serves a model under a further name.</summary>
    /// <param name="alias">The name that requests may use too.</param>
    /// <param name="name">The model's name.</param>
    /// <exception cref="ArgumentException">A name is empty.</exception>
    public OpenAIServerBuilder AddAlias(string alias, string name)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(alias);
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Services.AddSingleton(new AliasRegistration(alias, name));
        return this;
    }

    private OpenAIServerBuilder Add(string name, Func<string, IServiceProvider, ServedModel> create)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        Services.AddSingleton(new ModelRegistration(name, provider => create(name, provider)));
        return this;
    }
}
