namespace Slipway.Checkpoints.Tests.Gguf;

// A llama of one layer, hidden size 8, two heads of 4, one of keys and values.
internal static class TinyGguf
{
    public static GgufBuilder Llama() => Bare()
        .Add("tokenizer.ggml.model", "gpt2")
        .Add("tokenizer.ggml.pre", "gpt-2")
        .Add("tokenizer.ggml.tokens", new[] { "a", "b", "ab", "<end>" })
        .Add("tokenizer.ggml.token_type", new[] { 1, 1, 1, 3 })
        .Add("tokenizer.ggml.merges", new[] { "a b" })
        .Add("tokenizer.ggml.eos_token_id", 3u);

    // The same with a vocabulary of SentencePiece.
    public static GgufBuilder SentencePiece() => Bare()
        .Add("tokenizer.ggml.model", "llama")
        .Add("tokenizer.ggml.tokens", new[] { "<unk>", "<s>", "a", "aa" })
        .Add("tokenizer.ggml.scores", new[] { 0f, 0f, -2f, -1f })
        .Add("tokenizer.ggml.token_type", new[] { 2, 3, 1, 1 })
        .Add("tokenizer.ggml.bos_token_id", 1u)
        .Add("tokenizer.ggml.unknown_token_id", 0u);

    // An eighth more each time, so that a matrix of 8 columns holds the row's number and more.
    public static float[] Ramp(int count) => [.. Enumerable.Range(0, count).Select(i => i / 8f)];

    // The same without a tokenizer.
    public static GgufBuilder Bare() => new GgufBuilder("llama")
        .Add("llama.block_count", 1u)
        .Add("llama.context_length", 64u)
        .Add("llama.embedding_length", 8u)
        .Add("llama.feed_forward_length", 16u)
        .Add("llama.attention.head_count", 2u)
        .Add("llama.attention.head_count_kv", 1u)
        .Add("llama.attention.layer_norm_rms_epsilon", 1e-5f)
        .AddFloats("token_embd.weight", [8, 4], Ramp(32))
        .AddFloats("output_norm.weight", [8], Ramp(8))
        .AddFloats("blk.0.attn_q.weight", [8, 8], Ramp(64))
        .AddFloats("blk.0.attn_k.bias", [4], [0, 1, 2, 3]);
}
