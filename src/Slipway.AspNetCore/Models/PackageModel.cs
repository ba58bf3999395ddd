using System.Text.Json;
using Microsoft.Extensions.Logging;
using Slipway.Packaging;

namespace Slipway.AspNetCore.Models;

/// <summary>Makes what answers for a package, by what the package is.</summary>
internal static class PackageModel
{
    /// <summary>
    /// Makes the client, generator, reranker or classifier; its model is loaded by the first request.
    /// </summary>
    public static ServedModel Create(
        string name, string path, Action<OnnxChatClientOptions>? configure, ILoggerFactory? loggers,
        TimeProvider? time)
    {
        var options = new OnnxChatClientOptions { PackagePath = path, ModelId = name };
        options.Model.LoggerFactory = loggers;
        configure?.Invoke(options);
        if (File.Exists(Path.Combine(path, ModelPackage.ConfigFile)))
        {
            var client = new OnnxChatClient(options, time);
            var adapters = ModelPackage.Open(path, PackageVerification.Sizes).Manifest?.Adapters ?? [];
            return new ServedModel(name)
            {
                Folder = path,
                Chat = client,
                Adapters = new([.. adapters.Select(adapter => adapter.Name)]),
            }.Owning(client);
        }

        var package = EncoderPackage.Open(path, PackageVerification.Sizes);
        if (package.Manifest.Architecture?.EndsWith("ForSequenceClassification", StringComparison.Ordinal) != true)
        {
            var generator = new OnnxEmbeddingGenerator(
                Encoder(new OnnxEmbeddingGeneratorOptions(), options), time);
            return new ServedModel(name) { Folder = path, Embeddings = generator }.Owning(generator);
        }

        if (Labels(package) == 1)
        {
            var reranker = new OnnxReranker(Encoder(new OnnxRerankerOptions(), options));
            return new ServedModel(name) { Folder = path, Reranker = reranker }.Owning(reranker);
        }

        var classifier = new OnnxTextClassifier(Encoder(new OnnxTextClassifierOptions(), options));
        return new ServedModel(name) { Folder = path, Classifier = classifier }.Owning(classifier);
    }

    // An encoder takes of the options what it has a use for.
    private static T Encoder<T>(T encoder, OnnxChatClientOptions options)
        where T : OnnxEncoderOptions
    {
        encoder.PackagePath = options.PackagePath;
        encoder.ModelId = options.ModelId;
        encoder.Threads = options.Model.Threads;
        encoder.AllowSpinning = options.Model.AllowSpinning;
        encoder.MemoryBudget = options.Model.MemoryBudget;
        encoder.ExecutionProviders = options.Model.ExecutionProviders;
        encoder.ExecutionProviderOptions = options.Model.ExecutionProviderOptions;
        encoder.IdleTimeout = options.IdleTimeout;
        return encoder;
    }

    // As transformers counts them: by name, by number, or two where the file says neither.
    private static int Labels(EncoderPackage package)
    {
        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(package.Path, "config.json")));
        var root = config.RootElement;
        return root.TryGetProperty("id2label", out var labels) && labels.ValueKind == JsonValueKind.Object
            ? labels.EnumerateObject().Count()
            : root.TryGetProperty("num_labels", out var count) && count.TryGetInt32(out var number) ? number : 2;
    }
}
