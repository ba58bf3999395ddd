namespace Slipway.Training.Adapters;

/// <summary>Names a way of training a few weights beside a frozen model.</summary>
public enum AdapterKind
{
    /// <summary>Products of two narrow matrices added to matrices (Hu and others, 2021); DoRA and rsLoRA too.</summary>
    Lora,

    /// <summary>Factors of keys, values and inner activations (Liu and others, 2022).</summary>
    Ia3,

    /// <summary>Vectors before the first token (Lester and others, 2021).</summary>
    PromptTuning,

    /// <summary>Keys and values before the first token, in every layer (Li and Liang, 2021).</summary>
    PrefixTuning,

    /// <summary>Narrow feed-forward blocks behind matrices (Houlsby and others, 2019).</summary>
    Bottleneck,
}
