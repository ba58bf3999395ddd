using System.Text.Json.Nodes;
using Slipway.Training.Modules;

namespace Slipway.Training.Models.Encoders;

/// <summary>Reads the keys that ModernBERT alone has.</summary>
internal sealed class ModernBertConfig
{
    private const string Global = "full_attention";
    private const string Local = "sliding_attention";

    private readonly EncoderConfig _config;
    private readonly ConfigKeys _keys;
    private readonly bool[] _isGlobal;

    public ModernBertConfig(EncoderConfig config, ConfigKeys keys)
    {
        (_config, _keys) = (config, keys);
        AttentionBias = keys.Flag("attention_bias", false);
        MlpBias = keys.Flag("mlp_bias", false);
        NormBias = keys.Flag("norm_bias", false);
        ClassifierBias = keys.Flag("classifier_bias", false);
        DecoderBias = keys.Flag("decoder_bias", true);
        ClassifierActivation = Activations.Find(
            keys.Text("classifier_activation", "gelu"), "classifier_activation", keys.Source);
        PoolsMean = keys.Text("classifier_pooling", "cls") switch
        {
            "cls" => false,
            "mean" => true,
            var other => throw keys.Bad("classifier_pooling", $"is '{other}'", "'cls' or 'mean'"),
        };
        var every = keys.Whole("global_attn_every_n_layers", 3);
        var types = keys.Texts("layer_types");
        _isGlobal = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(layer => types is null ? layer % every == 0
            : layer < types.Count && types[layer] is Global or Local ? types[layer] == Global
            : throw keys.Bad("layer_types", $"does not name layer {layer} so", $"'{Global}' or '{Local}' for each"))];
    }

    public bool AttentionBias { get; }

    public bool MlpBias { get; }

    public bool NormBias { get; }

    public bool ClassifierBias { get; }

    public bool DecoderBias { get; }

    public Activation ClassifierActivation { get; }

    /// <summary>Tells whether a classifier reads the mean of the states rather than the first.</summary>
    public bool PoolsMean { get; }

    /// <summary>The tokens on either side that a layer's tokens see; null for all.</summary>
    public int? Side(int layer) => _isGlobal[layer] ? null : _keys.Whole("local_attention", 128) / 2;

    /// <summary>A layer's rotary positions: those of local layers have a base of their own.</summary>
    public RopeParameters Rope(int layer)
    {
        var theta = _keys.Number("global_rope_theta", 160_000);
        var local = _keys.Number("local_rope_theta", _keys.Has("global_rope_theta") ? theta : 10_000);
        var section = _keys.Section("rope_parameters")?[_isGlobal[layer] ? Global : Local];
        return RopeParameters.Read(
            [], section as JsonObject, _isGlobal[layer] ? theta : local,
            _config.MaxPositionEmbeddings, _keys.Source);
    }
}
