namespace Slipway.Training.Models;

/// <summary>Names what sets one decoder architecture apart from Llama.</summary>
/// <param name="Name">The class name in <c>architectures</c>.</param>
/// <param name="QueryKeyValueBias">Whether queries, keys and values have biases where the configuration is
/// silent.</param>
/// <param name="OutputBiasFollowsAttentionBias">Whether <c>attention_bias</c> also gives <c>o_proj</c> a bias.</param>
/// <param name="QueryKeyNorm">Whether each query and key head passes an RMSNorm of its own.</param>
/// <param name="SlidingWindow">Whether a <c>sliding_window</c> takes effect without a further switch.</param>
public sealed record DecoderArchitecture(
    string Name,
    bool QueryKeyValueBias = false,
    bool OutputBiasFollowsAttentionBias = true,
    bool QueryKeyNorm = false,
    bool SlidingWindow = false);
