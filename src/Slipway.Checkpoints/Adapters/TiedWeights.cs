namespace Slipway.Checkpoints.Adapters;

// Knows what models call the token embedding and the head that may be tied to it.
internal static class TiedWeights
{
    private static readonly string[] Embeddings =
    [
        "embed_tokens.weight", "decoder.embed_tokens.weight", "wte.weight", "embed_in.weight", "word_embeddings.weight",
        "embeddings.weight", "embeddings.word_embeddings.weight", "embeddings.tok_embeddings.weight",
    ];

    // A head, and a tensor that a model with such a head has beside it; null for decoders, which all have one.
    private static readonly (string Head, string? Beside)[] Heads =
    [
        ("cls.predictions.decoder.weight", "cls.predictions.transform.dense.weight"),
        ("vocab_projector.weight", "vocab_transform.weight"),
        ("lm_head.decoder.weight", "lm_head.dense.weight"),
        ("decoder.weight", "head.dense.weight"),
        ("embed_out.weight", "embed_in.weight"),
        ("lm_head.weight", null),
    ];

    // The token embedding; null where no tensor has such a name.
    public static TensorInfo? FindEmbedding(Checkpoint checkpoint) =>
        Embeddings.Select(checkpoint.FindTensor).FirstOrDefault(tensor => tensor is not null);

    // The name that the head has, whether a tensor of its own is stored or not.
    public static string HeadOf(Checkpoint checkpoint) =>
        Heads.First(head => head.Beside is null || checkpoint.FindTensor(head.Beside) is not null).Head;
}
