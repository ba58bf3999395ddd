using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Packaging;

namespace Slipway.Evaluation.Tasks;

/// <summary>Holds what is evaluated: a package's model or classifier, or any chat client where only texts are needed.
/// </summary>
/// <remarks>Thread-safe if the client is; the engine computes requests that come together in one batch.</remarks>
public sealed class TaskSubject
{
    private readonly LanguageModel? _model;
    private readonly JsonObject _provenance;

    /// <summary>Evaluates a package's model.</summary>
    /// <param name="model">The model; the caller keeps it.</param>
    public TaskSubject(LanguageModel model)
    {
        _model = model ?? throw new ArgumentNullException(nameof(model));
        Answering = new OnnxChatClient(model);
        Name = model.Package.Name;
        _provenance = Provenance.Of(model.Package);
    }

    /// <summary>Evaluates a chat client by its texts.</summary>
    /// <param name="client">The client, which must not invoke functions itself; the caller keeps it.</param>
    /// <param name="name">The name in reports; null for the model's id.</param>
    public TaskSubject(IChatClient client, string? name = null)
    {
        Answering = client ?? throw new ArgumentNullException(nameof(client));
        var metadata = client.GetService<ChatClientMetadata>();
        Name = name ?? metadata?.DefaultModelId ?? "client";
        _provenance = client.GetService<LanguageModel>() is { } model
            ? Provenance.Of(model.Package) : Provenance.Of(Name, metadata?.ProviderName);
    }

    /// <summary>Evaluates a classifier, which takes classification tasks alone.</summary>
    /// <param name="classifier">The classifier; the caller keeps it.</param>
    /// <exception cref="PackageException">Its package cannot be opened.</exception>
    /// <exception cref="NotSupportedException">Its package has no labels of texts.</exception>
    public TaskSubject(OnnxTextClassifier classifier)
    {
        Classifier = classifier ?? throw new ArgumentNullException(nameof(classifier));
        Name = classifier.Package.Name;
        _provenance = Provenance.Of(classifier.Package);
    }

    /// <summary>The name in reports.</summary>
    public string Name { get; }

    /// <summary>The client that answers.</summary>
    /// <exception cref="NotSupportedException">A classifier is evaluated, which writes no text.</exception>
    public IChatClient Client => Answering ?? throw new NotSupportedException(
        $"'{Name}' labels texts and writes none, so it takes classification tasks alone. Evaluate a decoder's "
        + "package.");

    private IChatClient? Answering { get; }

    /// <summary>The classifier; null where a model or a client is evaluated.</summary>
    internal OnnxTextClassifier? Classifier { get; }

    /// <summary>Tells whether prompts go through a chat template unless the options say otherwise.</summary>
    internal bool Chats => _model is null || _model.ChatTemplate is not null;

    /// <summary>The model itself.</summary>
    /// <param name="need">What it is needed for, as a sentence about the task.</param>
    /// <exception cref="NotSupportedException">Only a chat client is there.</exception>
    internal LanguageModel RequireModel(string need) => _model ?? throw new NotSupportedException(
        Classifier is null
            ? $"{need} '{Name}' is a chat client, which gives texts alone. Evaluate a package."
            : $"{need} '{Name}' is a classifier, which gives labels alone. Evaluate a decoder's package.");

    /// <summary>The model itself; null where only a chat client is there.</summary>
    internal LanguageModel? Model => _model;

    /// <summary>Tells what was evaluated by what: model and template by their hashes, and the versions.</summary>
    public JsonObject Describe() => (JsonObject)_provenance.DeepClone();
}
