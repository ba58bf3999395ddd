using System.Text.Json.Nodes;
using Slipway.Export.Configuration;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules.Sentences;

/// <summary>Makes one vector of the hidden states of a text's tokens, in one or several ways side by side.</summary>
internal sealed class SentencePooling(IReadOnlyList<PoolingMode> modes, bool includesPrompt) : SentenceModule
{
    private const string ModeKey = "pooling_mode";
    private const string PromptLength = "prompt_length";

    // In the order in which Sentence Transformers puts the results of several.
    private static readonly PoolingMode[] Modes =
    [
        new("cls", "cls_token", (scope, pooled) => scope.Gather(pooled.Hidden, scope.Int(0), axis: 1)),
        new("max", "max_tokens", Max),
        new("mean", "mean_tokens", (scope, pooled) => Average(scope, pooled, pooled.Weights(scope))),
        new("mean_sqrt_len_tokens", "mean_sqrt_len_tokens", (scope, pooled) =>
        {
            var weights = pooled.Weights(scope);
            return scope.Div(Sum(scope, pooled, weights), scope.Sqrt(Total(scope, weights)));
        }),
        new("weightedmean", "weightedmean_tokens", (scope, pooled) =>
            Average(scope, pooled, scope.Mul(pooled.Weights(scope), Column(scope, pooled.Places(scope), 1)))),
        new("lasttoken", "lasttoken", Last),
    ];

    public static SentencePooling Read(SentenceModuleFiles files)
    {
        var (config, keys) = files.Config();
        var modes = config.Has(ModeKey) ? Named(config, keys) : Flagged(config, keys);
        return modes.Length > 0
            ? new SentencePooling(modes, config.Flag("include_prompt", true))
            : throw config.Bad(ModeKey, $"one of {Known}");
    }

    /// <summary>The mean of the hidden states of tokens, [batch, hidden].</summary>
    public static GraphValue Mean(NodeScope scope, GraphValue hidden, EncoderInputs inputs)
    {
        PooledTokens pooled = new(hidden, inputs.Mask, inputs);
        return Average(scope, pooled, pooled.Weights(scope));
    }

    public override void Build(ModuleScope root, SentenceFeatures features)
    {
        NodeScope scope = new(root.Graph, "/pooling");
        var (hidden, size) = features[SentenceFeatures.Tokens];
        PooledTokens pooled = new(hidden, Mask(root.Graph, scope, features.Inputs), features.Inputs);
        GraphValue[] parts = [
            .. modes.Select(mode => mode.Build(new NodeScope(root.Graph, $"/pooling/{mode.Name}"), pooled))];
        features[SentenceFeatures.Sentence] =
            (parts.Length == 1 ? parts[0] : scope.Concat(-1, parts), size * parts.Length);
    }

    private static string Known => string.Join(", ", Modes.Select(mode => $"'{mode.Name}'"));

    // int64 [batch, sequence]: 1 for tokens that count. The prompt's are the first ones.
    private GraphValue Mask(Graph graph, NodeScope scope, EncoderInputs inputs)
    {
        if (includesPrompt)
        {
            return inputs.Mask;
        }

        var length = graph.AddOptionalInput(new Initializer(
            PromptLength, ElementType.Int64, [1], new TensorData.Inline(new byte[sizeof(long)])));
        var isText = scope.Greater(scope.Add(inputs.Positions, scope.Int(1)), length);
        return scope.Mul(inputs.Mask, scope.Cast(isText, ElementType.Int64));
    }

    // One name, or several in a list or with '+' between them.
    private static PoolingMode[] Named(ConfigReader config, JsonObject keys)
    {
        var names = keys[ModeKey] is JsonArray ? config.Texts(ModeKey)! : config.Text(ModeKey).Split('+');
        return [.. names.Select(name => Array.Find(Modes, mode => mode.Name == name || mode.Flag == name)
            ?? throw config.Unsupported(ModeKey, $"one of {Known}"))];
    }

    // A flag for each way; the mean is on unless it is switched off.
    private static PoolingMode[] Flagged(ConfigReader config, JsonObject keys)
    {
        var unknown = keys.Select(pair => pair.Key).FirstOrDefault(key =>
            key.StartsWith($"{ModeKey}_", StringComparison.Ordinal) && config.Flag(key)
            && !Array.Exists(Modes, mode => key == $"{ModeKey}_{mode.Flag}"));
        return unknown is not null
            ? throw config.Unsupported(unknown, "'false'")
            : [.. Modes.Where(mode => config.Flag($"{ModeKey}_{mode.Flag}", mode.Name == "mean"))];
    }

    private static GraphValue Average(NodeScope scope, PooledTokens pooled, GraphValue weights) =>
        scope.Div(Sum(scope, pooled, weights), Total(scope, weights));

    private static GraphValue Sum(NodeScope scope, PooledTokens pooled, GraphValue weights) =>
        scope.ReduceSum(scope.Mul(pooled.Hidden, weights), keep: false, 1);

    private static GraphValue Total(NodeScope scope, GraphValue weights) =>
        scope.Max(scope.ReduceSum(weights, keep: false, 1), scope.Float(1e-9f));

    private static GraphValue Max(NodeScope scope, PooledTokens pooled) => scope.ReduceMax(
        scope.Where(
            scope.Greater(pooled.Weights(scope), scope.Float(0)), pooled.Hidden, scope.Float(-1e9f)),
        keep: false, 1);

    // The token of the highest place; a text without tokens has none, and zeros.
    private static GraphValue Last(NodeScope scope, PooledTokens pooled)
    {
        var places = scope.Mul(pooled.Places(scope), pooled.Mask);
        var isLast = scope.Equal(pooled.Places(scope), scope.ReduceMax(places, keep: true, 1));
        var weights = scope.Mul(scope.Cast(isLast, ElementType.Float32), scope.Cast(pooled.Mask, ElementType.Float32));
        return Sum(scope, pooled, scope.Reshape(weights, 0, -1, 1));
    }

    private static GraphValue Column(NodeScope scope, GraphValue places, long rows) =>
        scope.Reshape(scope.Cast(places, ElementType.Float32), rows, -1, 1);
}

/// <summary>A way to make one vector of several.</summary>
/// <param name="Name">Its name as <c>pooling_mode</c>.</param>
/// <param name="Flag">The end of its key among the flags.</param>
/// <param name="Build">Builds it, [batch, hidden_size].</param>
internal sealed record PoolingMode(string Name, string Flag, Func<NodeScope, PooledTokens, GraphValue> Build);

/// <summary>The hidden states that are pooled.</summary>
/// <param name="Hidden">[batch, sequence, hidden_size].</param>
/// <param name="Mask">int64 [batch, sequence]: 1 for the tokens that count.</param>
/// <param name="Inputs">The graph's inputs.</param>
internal sealed record PooledTokens(GraphValue Hidden, GraphValue Mask, EncoderInputs Inputs)
{
    /// <summary>The mask as float [batch, sequence, 1].</summary>
    public GraphValue Weights(NodeScope scope) =>
        scope.Reshape(scope.Cast(Mask, ElementType.Float32), 0, -1, 1);

    /// <summary>int64 [sequence]: 1, 2, 3 …</summary>
    public GraphValue Places(NodeScope scope) => scope.Add(Inputs.Positions, scope.Int(1));
}
