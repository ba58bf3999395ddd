using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures.Encoders;

/// <summary>RoBERTa and XLM-RoBERTa: BERT without token types; positions count from after the padding's id.</summary>
/// <remarks>Source: RoBERTa (arXiv 1907.11692).</remarks>
internal class Roberta(EncoderTask task) : Bert(task)
{
    protected override string Body => "roberta";

    protected override IReadOnlyList<string> Heads => ["lm_head", "classifier", "pooler"];

    protected override bool HasTokenTypes(ConfigReader config) => false;

    public override int LongestSequence(ConfigReader config)
    {
        int positions = config.Int("max_position_embeddings", 514), padding = Padding(config);
        return positions > padding + 1
            ? positions - padding - 1
            : throw config.Bad("max_position_embeddings", $"more than 'pad_token_id' + 1, {padding + 1}");
    }

    protected override GraphValue Positions(ModuleScope scope, EncoderInputs inputs)
    {
        var padding = scope.Int(Padding(scope.Config));
        var counted = scope.Cast(scope.Not(scope.Equal(inputs.Ids, padding)), ElementType.Int64);
        return scope.Add(scope.Mul(scope.CumSum(counted, 1), counted), padding);
    }

    protected override GraphValue MaskedToken(ModuleScope root, ModuleScope body, GraphValue hidden)
    {
        var head = root["lm_head"];
        var x = head["dense"].Linear(hidden, HiddenSize(root.Config), HiddenSize(root.Config), bias: true);
        x = head["layer_norm"].LayerNorm(head.Gelu(x), HiddenSize(root.Config), Epsilon(root.Config));
        return Vocabulary(
            head["decoder"], body["embeddings"]["word_embeddings"], head.NameOf("bias"), x);
    }

    protected override GraphValue ClassifySequence(
        ModuleScope root, ModuleScope body, GraphValue hidden, EncoderInputs inputs, int labels)
    {
        var size = HiddenSize(root.Config);
        var head = root["classifier"];
        var x = head.Tanh(head["dense"].Linear(First(head, hidden), size, size, bias: true));
        return head["out_proj"].Linear(x, size, labels, bias: true);
    }

    /// <summary>The id of padding, which positions count from.</summary>
    protected virtual int Padding(ConfigReader config) => config.TokenIds("pad_token_id") is [var id, ..] ? id : 1;
}
