using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures.Encoders;

/// <summary>A decoder that runs over whole texts, for their features or labels.</summary>
/// <remarks>
/// Embedding, layers and last norm are the decoder's. Tokens see those before them, or all where the configuration says
/// so (<c>use_bidirectional_attention</c>, <c>is_causal</c>). Labels are those of a text's last token.
/// Source: transformers' generic heads for classification.
/// </remarks>
internal sealed class PooledDecoder(DecoderArchitecture decoder, EncoderTask task) : EncoderArchitecture(task)
{
    private const string Score = "score";
    private const string Classifier = "classifier";

    protected override string Body => decoder.Names.Model;

    protected override IReadOnlyList<string> Heads => [decoder.Names.Head, Score, Classifier];

    // The decoder finds its body itself.
    protected override ModuleScope BodyOf(ModuleScope root) => root;

    protected override int HiddenSize(ConfigReader config) => decoder.Sizes(config).HiddenSize;

    public override int LongestSequence(ConfigReader config) => decoder.LongestSequence(config);

    protected override GraphValue Forward(ModuleScope body, EncoderInputs inputs)
    {
        var config = body.Config;
        decoder.FindEmbedding(body);
        var isCausal = config.Flag("is_causal", true) && !config.Flag("use_bidirectional_attention", false);
        return decoder.Forward(body, new DecoderInputs(body.Graph, new WholeTexts(inputs, isCausal, config.Path)));
    }

    protected override GraphValue MaskedToken(ModuleScope root, ModuleScope body, GraphValue hidden) =>
        throw root.Config.Unsupported("architectures", "a decoder for features or labels");

    protected override GraphValue ClassifySequence(
        ModuleScope root, ModuleScope body, GraphValue hidden, EncoderInputs inputs, int labels) =>
        root[Score].Linear(Last(root, hidden, inputs), HiddenSize(root.Config), labels);

    protected override GraphValue ClassifyTokens(ModuleScope root, GraphValue hidden, int labels)
    {
        var head = root[root[Score].Has("weight") ? Score : Classifier];
        return head.Linear(hidden, HiddenSize(root.Config), labels, head.Has("bias"));
    }

    // The last token that is not the one that texts are padded with, whatever the mask says.
    private static GraphValue Last(ModuleScope root, GraphValue hidden, EncoderInputs inputs)
    {
        NodeScope scope = new(root.Graph, "/last_token");
        var isText = root.Config.TokenIds("pad_token_id") is [var padding, ..]
            ? scope.Cast(scope.Not(scope.Equal(inputs.Ids, scope.Int(padding))), ElementType.Int64)
            : inputs.Mask;
        var last = scope.ReduceMax(scope.Mul(isText, inputs.Positions), keep: true, 1);
        var weights = scope.Cast(scope.Equal(inputs.Positions, last), ElementType.Float32);
        return scope.ReduceSum(scope.Mul(hidden, scope.Reshape(weights, 0, -1, 1)), keep: false, 1);
    }
}

/// <summary>The table of decoders that run over whole texts: one row each, by the names of their models.</summary>
/// <remarks>
/// A decoder with a head over the vocabulary, and a <c>modules.json</c> beside it, is one of these too, whatever row it
/// has in <see cref="ArchitectureTable"/>.
/// </remarks>
internal static class PooledDecoders
{
    public static IReadOnlyDictionary<string, Architecture> All { get; } = new Dictionary<string, DecoderArchitecture>
    {
        ["GPT2"] = new Gpt2(),
        ["GPTNeoX"] = new GptNeoX(),
        ["Gemma"] = new Gemma(),
        ["Gemma2"] = new Gemma2(),
        ["Gemma3Text"] = new Gemma3(),
        ["Llama"] = new Llama(),
        ["Mistral"] = new Mistral(),
        ["Mixtral"] = new Mixtral(),
        ["Phi3"] = new Phi3(),
        ["Qwen2"] = new Qwen2(),
        ["Qwen3"] = new Qwen3(),
        ["Qwen3Moe"] = new Qwen3Moe(),
        ["SmolLM3"] = new SmolLm3(),
    }.SelectMany(row => Tasks(row.Key, row.Value)).ToDictionary();

    private static IEnumerable<(string, Architecture)> Tasks(string model, DecoderArchitecture decoder) =>
    [
        ($"{model}Model", new PooledDecoder(decoder, EncoderTask.Features)),
        ($"{model}ForSequenceClassification", new PooledDecoder(decoder, EncoderTask.SequenceClassification)),
        ($"{model}ForTokenClassification", new PooledDecoder(decoder, EncoderTask.TokenClassification)),
    ];
}
