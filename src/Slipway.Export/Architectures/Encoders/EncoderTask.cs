namespace Slipway.Export.Architectures.Encoders;

/// <summary>Task of an encoder, which decides its outputs.</summary>
internal enum EncoderTask
{
    /// <summary><c>last_hidden_state</c>, and <c>pooler_output</c> where the checkpoint has a pooler.</summary>
    Features,

    /// <summary><c>logits</c> of every token of the vocabulary at every position.</summary>
    MaskedToken,

    /// <summary><c>logits</c> of every label for a text.</summary>
    SequenceClassification,

    /// <summary><c>logits</c> of every label at every position.</summary>
    TokenClassification,
}
