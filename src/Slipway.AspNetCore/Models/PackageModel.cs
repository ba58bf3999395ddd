using Microsoft.Extensions.Logging;
using Slipway.Packaging;

namespace Slipway.AspNetCore.Models;

/// <summary>Makes what answers for a package, by what the package is.</summary>
internal static class PackageModel
{
    /// <summary>Makes the client, generator or reranker; its model is loaded by the first request.</summary>
    public static ServedModel Create(
        string name, string path, Action<OnnxChatClientOptions>? configure, ILoggerFactory? loggers,
        TimeProvider? time)
    {
        if (File.Exists(Path.Combine(path, ModelPackage.ConfigFile)))
        {
            var options = new OnnxChatClientOptions { PackagePath = path, ModelId = name };
            options.Model.LoggerFactory = loggers;
            configure?.Invoke(options);
            var client = new OnnxChatClient(options, time);
            return new ServedModel(name) { Folder = path, Chat = client }.Owning(client);
        }

        if (EncoderPackage.Open(path).Manifest.Architecture?.EndsWith(
            "ForSequenceClassification", StringComparison.Ordinal) == true)
        {
            var reranker = new OnnxReranker(path);
            return new ServedModel(name) { Folder = path, Reranker = reranker }.Owning(reranker);
        }

        var generator = new OnnxEmbeddingGenerator(
            new OnnxEmbeddingGeneratorOptions { PackagePath = path, ModelId = name }, time);
        return new ServedModel(name) { Folder = path, Embeddings = generator }.Owning(generator);
    }
}
