using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export.Configuration;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Makes one vector of a text's hidden states, as a sentence-embedding model's own files say.</summary>
/// <remarks>Source: Sentence Transformers' files, <c>modules.json</c> and each module's <c>config.json</c>.</remarks>
internal sealed class SentencePooling
{
    private const string ModulesFile = "modules.json";
    private const string ModePrefix = "pooling_mode_";

    private static readonly Dictionary<string, Func<NodeScope, GraphValue, EncoderInputs, GraphValue>> Modes = new()
    {
        ["cls_token"] = (scope, hidden, _) => scope.Gather(hidden, scope.Int(0), axis: 1),
        ["max_tokens"] = Largest,
        ["mean_tokens"] = Mean,
        ["mean_sqrt_len_tokens"] = (scope, hidden, inputs) =>
            scope.Div(Sum(scope, hidden, inputs), scope.Sqrt(Count(scope, inputs))),
    };

    private readonly string[] _modes;
    private readonly bool _normalized;

    private SentencePooling(string[] modes, bool normalized) => (_modes, _normalized) = (modes, normalized);

    /// <summary>The files that belong to a sentence-embedding package.</summary>
    public static IReadOnlyList<string> Files { get; } =
        [ModulesFile, "sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json"];

    /// <summary>Reads what a checkpoint's files say; null where it is no sentence-embedding model.</summary>
    public static SentencePooling? Read(Checkpoint checkpoint)
    {
        if (checkpoint.ReadFile(ModulesFile) is not { } content)
        {
            return null;
        }

        string[] modes = [];
        bool normalized = false;
        if (Parse(checkpoint, ModulesFile, content) is not JsonArray list || list.Any(item => item is not JsonObject))
        {
            throw Bad(checkpoint, ModulesFile, "a list of objects");
        }

        foreach (JsonObject? keys in list.Cast<JsonObject>())
        {
            ConfigReader module = new(keys!, $"{checkpoint.Path} ({ModulesFile})");
            switch (module.Text("type").Split('.')[^1])
            {
                case "Transformer":
                    break;
                case "Pooling":
                    modes = ReadModes(checkpoint, $"{module.Text("path")}/config.json");
                    break;
                case "Normalize":
                    normalized = true;
                    break;
                default:
                    throw module.Unsupported("type", "a module 'Transformer', 'Pooling' or 'Normalize'");
            }
        }

        return modes.Length > 0 ? new SentencePooling(modes, normalized) : throw Bad(
            checkpoint, ModulesFile, "a module 'Pooling' with a mode");
    }

    /// <summary>The size of the vector.</summary>
    public int OutputSize(int hiddenSize) => hiddenSize * _modes.Length;

    /// <summary>Builds it.</summary>
    /// <param name="scope">Where nodes go.</param>
    /// <param name="hidden">[batch, sequence, hidden].</param>
    /// <param name="inputs">The graph's inputs.</param>
    /// <returns>[batch, <see cref="OutputSize"/>].</returns>
    public GraphValue Build(NodeScope scope, GraphValue hidden, EncoderInputs inputs)
    {
        GraphValue[] parts = [.. _modes.Select(mode => Modes[mode](scope, hidden, inputs))];
        GraphValue sentence = parts.Length == 1 ? parts[0] : scope.Concat(-1, parts);
        return _normalized
            ? scope.Div(sentence, scope.Max(scope.ReduceL2(sentence, keep: true, -1), scope.Float(1e-12f)))
            : sentence;
    }

    /// <summary>The mean of the hidden states of tokens, [batch, hidden].</summary>
    public static GraphValue Mean(NodeScope scope, GraphValue hidden, EncoderInputs inputs) =>
        scope.Div(Sum(scope, hidden, inputs), Count(scope, inputs));

    private static GraphValue Sum(NodeScope scope, GraphValue hidden, EncoderInputs inputs) =>
        scope.ReduceSum(scope.Mul(hidden, Weights(scope, inputs)), keep: false, 1);

    private static GraphValue Count(NodeScope scope, EncoderInputs inputs) =>
        scope.Max(scope.ReduceSum(Weights(scope, inputs), keep: false, 1), scope.Float(1e-9f));

    private static GraphValue Largest(NodeScope scope, GraphValue hidden, EncoderInputs inputs) => scope.ReduceMax(
        scope.Where(
            scope.Greater(Weights(scope, inputs), scope.Float(0)), hidden, scope.Float(EncoderAttention.Unseen)),
        keep: false, 1);

    // [batch, sequence, 1]
    private static GraphValue Weights(NodeScope scope, EncoderInputs inputs) =>
        scope.Reshape(scope.Cast(inputs.Mask, ElementType.Float32), 0, -1, 1);

    private static string[] ReadModes(Checkpoint checkpoint, string file)
    {
        byte[] content = checkpoint.ReadFile(file) ?? throw Bad(checkpoint, file, "a file");
        JsonObject keys = Parse(checkpoint, file, content) as JsonObject ?? throw Bad(checkpoint, file, "an object");
        ConfigReader config = new(keys, $"{checkpoint.Path} ({file})");
        string[] modes = [.. keys.Select(pair => pair.Key)
            .Where(key => key.StartsWith(ModePrefix, StringComparison.Ordinal) && config.Flag(key))
            .Select(key => key[ModePrefix.Length..])];
        return Array.Find(modes, mode => !Modes.ContainsKey(mode)) is { } unknown
            ? throw config.Unsupported(ModePrefix + unknown, "'false'")
            : modes;
    }

    private static JsonNode? Parse(Checkpoint checkpoint, string file, byte[] content)
    {
        try
        {
            return JsonNode.Parse(content);
        }
        catch (JsonException exception)
        {
            throw new CheckpointException(
                $"'{file}' of '{checkpoint.Path}' is not valid JSON: {exception.Message} Fetch it again.",
                checkpoint.Path, innerException: exception);
        }
    }

    private static CheckpointException Bad(Checkpoint checkpoint, string file, string expected) =>
        new($"'{file}' of '{checkpoint.Path}' does not hold {expected}. Fetch it again.", checkpoint.Path);
}
