using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Models;

/// <summary>Finds models by the names in requests. Safe for concurrent use.</summary>
internal sealed class ModelCatalog : IDisposable
{
    private readonly Dictionary<string, Lazy<ServedModel>> _models = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _aliases = new(StringComparer.Ordinal);
    private readonly TimeProvider _time;

    /// <summary>Collects what is registered; without any, the application's own client and generator.</summary>
    /// <exception cref="InvalidOperationException">
    /// A name is registered twice, an alias is of no model, or there is no model.
    /// </exception>
    public ModelCatalog(
        IEnumerable<ModelRegistration> registrations, IEnumerable<AliasRegistration> aliases,
        IServiceProvider services, TimeProvider? time = null)
    {
        _time = time ?? TimeProvider.System;
        Created = _time.GetUtcNow();
        foreach (var registration in registrations)
        {
            if (!_models.TryAdd(registration.Name, new(() => registration.Create(services))))
            {
                throw new InvalidOperationException(
                    $"Two models are called '{registration.Name}'. Give one of them another name.");
            }
        }

        if (_models.Count == 0)
        {
            AddOwn(services);
        }

        foreach (var (alias, name) in aliases)
        {
            AddAlias(alias, name);
        }
    }

    /// <summary>The time when the server began.</summary>
    public DateTimeOffset Created { get; }

    /// <summary>The time now.</summary>
    public DateTimeOffset Now => _time.GetUtcNow();

    /// <summary>The names, in the order of their registration, aliases last.</summary>
    public IReadOnlyList<string> Names => [.. _models.Keys, .. _aliases.Keys];

    /// <summary>The models, in the order of their registration.</summary>
    public IEnumerable<ServedModel> Models => _models.Values.Select(model => model.Value);

    /// <summary>Refuses to map endpoints over services that lack what they need.</summary>
    /// <exception cref="InvalidOperationException">The services lack <c>AddOpenAIServer</c>.</exception>
    public static void RequireRegistered(IServiceProvider services)
    {
        if (services.GetService<ModelCatalog>() is null)
        {
            throw new InvalidOperationException(
                "The services lack those of the endpoints. Call services.AddOpenAIServer() before the application is "
                + "built.");
        }
    }

    /// <summary>Finds a model and, after a colon, one of its adapters.</summary>
    /// <exception cref="OpenAIException">There is no such model.</exception>
    public (ServedModel Model, string? Adapter) Find(string name)
    {
        if (Resolve(name) is { } model)
        {
            return (model, null);
        }

        var colon = name.LastIndexOf(':');
        return colon > 0 && Resolve(name[..colon]) is { Chat: not null } adapted
            ? (adapted, name[(colon + 1)..])
            : throw NotFound(name);
    }

    /// <summary>Finds a model by its name or an alias; null where there is none.</summary>
    public ServedModel? Resolve(string name)
        => _models.GetValueOrDefault(_aliases.GetValueOrDefault(name, name))?.Value;

    /// <summary>Says that there is no such model.</summary>
    public OpenAIException NotFound(string name, string param = "model") => new(
        404, $"There is no model '{OpenAIException.Excerpt(name)}' here; there is "
        + $"{string.Join(", ", Names.Select(key => $"'{key}'"))}.",
        param, "model_not_found");

    public void Dispose()
    {
        foreach (var model in _models.Values.Where(model => model.IsValueCreated))
        {
            model.Value.Dispose();
        }
    }

    private void AddAlias(string alias, string name)
    {
        if (!_models.ContainsKey(name))
        {
            throw new InvalidOperationException(
                $"The alias '{alias}' is of '{name}', which no model is called; there is "
                + $"{string.Join(", ", _models.Keys.Select(key => $"'{key}'"))}. Name one of them.");
        }

        if (_models.ContainsKey(alias) || !_aliases.TryAdd(alias, name))
        {
            throw new InvalidOperationException(
                $"Two models are called '{alias}'. Give one of them another name.");
        }
    }

    private void AddOwn(IServiceProvider services)
    {
        if (services.GetService<IChatClient>() is { } client)
        {
            var name = client.GetService<ChatClientMetadata>()?.DefaultModelId ?? "default";
            _models[name] = new(new ServedModel(name) { Chat = client });
        }

        if (services.GetService<IEmbeddingGenerator<string, Embedding<float>>>() is { } generator)
        {
            var name = generator.GetService<EmbeddingGeneratorMetadata>()?.DefaultModelId ?? "embeddings";
            _models[name] = new(new ServedModel(name) { Embeddings = generator });
        }

        if (_models.Count == 0)
        {
            throw new InvalidOperationException(
                "There is no model to serve. Name one with AddOpenAIServer().AddModel(…), or register an IChatClient "
                + "or an IEmbeddingGenerator.");
        }
    }
}
