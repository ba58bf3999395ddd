namespace Slipway.Training.Models.Encoders;

/// <summary>Names what an encoder computes at its end.</summary>
public enum EncoderTask
{
    /// <summary>The states alone, which sentence embeddings are made of.</summary>
    States,

    /// <summary>Logits over the vocabulary at each position.</summary>
    MaskedLanguageModel,

    /// <summary>Logits over labels for each sequence.</summary>
    SequenceClassification,

    /// <summary>Logits over labels at each position.</summary>
    TokenClassification,
}
