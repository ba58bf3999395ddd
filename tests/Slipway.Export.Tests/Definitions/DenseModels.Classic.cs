using static Slipway.Export.Tests.Definitions.DenseToolbox;

namespace Slipway.Export.Tests.Definitions;

// GPT-2's kin, Falcon and OPT, each under its own names.
internal static partial class DenseModels
{
    private static Dictionary<string, Definition> Classic() => new()
    {
        ["gpt-bigcode"] = new(
            OldConfig("GPTBigCodeForCausalLM", """{"multi_query": true, "n_inner": 96}"""),
            (model, ids) => GptBigCode(model, ids, shared: true)),
        ["gpt-bigcode-own-keys"] = new(
            OldConfig(
                "GPTBigCodeForCausalLM", """{"multi_query": false, "n_inner": 96, "activation_function": "gelu"}"""),
            (model, ids) => GptBigCode(model, ids, shared: false)),
        ["gptj"] = new(OldConfig("GPTJForCausalLM", """{"rotary_dim": 8, "tie_word_embeddings": false}"""), GptJ),
        ["gpt-neox-sequential"] = new(
            Config("GPTNeoXForCausalLM",
            """{"use_parallel_residual": false, "rotary_pct": 0.5, "rotary_emb_base": 5000}"""),
            GptNeoX),
        ["falcon-old"] = new(
            Config("FalconForCausalLM", """{"multi_query": true, "tie_word_embeddings": true}"""),
            (model, ids) => Falcon(model, ids, 1, norms: 1, parallel: true, bias: false)),
        ["falcon-new"] = new(
            Config("FalconForCausalLM",
            """{"new_decoder_architecture": true, "num_kv_heads": 2, "tie_word_embeddings": true}"""),
            (model, ids) => Falcon(model, ids, 2, norms: 2, parallel: true, bias: false)),
        ["falcon-new-one-norm"] = new(
            Config("FalconForCausalLM",
            """{"new_decoder_architecture": true, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1, "tie_word_embeddings": true}"""),
            (model, ids) => Falcon(model, ids, 2, norms: 1, parallel: true, bias: false)),
        ["falcon-sequential"] = new(
            Config("FalconForCausalLM",
            """{"multi_query": false, "parallel_attn": false, "bias": true, "tie_word_embeddings": true}"""),
            (model, ids) => Falcon(model, ids, 4, norms: 1, parallel: false, bias: true)),
        ["falcon-alibi"] = new(
            Config(
                "FalconForCausalLM",
                """
                {"alibi": true, "multi_query": false, "parallel_attn": false, "bias": true, "tie_word_embeddings": true}
                """),
            (model, ids) => Falcon(
                model, ids, 4, norms: 1, parallel: false, bias: true,
                slopes: [1 / 4.0, 1 / 16.0, 1 / 64.0, 1 / 256.0])),
        ["falcon-alibi-6-heads"] = new(
            Config(
                "FalconForCausalLM",
                """
                {"hidden_size": 72, "num_attention_heads": 6, "alibi": true, "multi_query": true,
                 "tie_word_embeddings": true}
                """),
            (model, ids) => Falcon(
                model, ids, 1, norms: 1, parallel: true, bias: false, hidden: 72,
                slopes: [1 / 4.0, 1 / 16.0, 1 / 64.0, 1 / 256.0, 1 / 2.0, 1 / 8.0])),
        ["opt"] = new(
            Config("OPTForCausalLM", """{"ffn_dim": 96, "tie_word_embeddings": true}"""),
            (model, ids) => Opt(model, ids, Hidden, before: true)),
        ["opt-narrow"] = new(
            Config("OPTForCausalLM",
            """{"ffn_dim": 96, "do_layer_norm_before": false, "word_embed_proj_dim": 32, "tie_word_embeddings": true}"""),
            (model, ids) => Opt(model, ids, 32, before: false)),
    };

    private static double[][] GptBigCode(ReferenceModel model, int[] ids, bool shared, int hidden = Hidden)
    {
        var size = hidden / Heads;
        var x = Add(
            model.Embed("transformer.wte", ids, Vocabulary, hidden),
            model.Embed("transformer.wpe", [.. Enumerable.Range(0, ids.Length)], 64, hidden));
        for (var layer = 0; layer < 2; layer++)
        {
            var name = $"transformer.h.{layer}";
            var input = LayerNorm(model, $"{name}.ln_1", x, 1e-5);
            var keyHeads = shared ? 1 : Heads;
            var all = model.Linear(
                $"{name}.attn.c_attn", input, hidden + (2 * keyHeads * size), bias: true);

            // One key and value after all queries; or, for each head, its query, key and value.
            var query = shared ? Columns(all, 0, hidden) : OfEach(all, 3 * size, 0, size);
            var key = shared ? Columns(all, hidden, size) : OfEach(all, 3 * size, size, size);
            var value = shared ? Columns(all, hidden + size, size) : OfEach(all, 3 * size, 2 * size, size);
            var attended = Attend(query, key, value, Heads, keyHeads, 1 / Math.Sqrt(size));
            x = Add(x, model.Linear($"{name}.attn.c_proj", attended, hidden, bias: true));
            input = LayerNorm(model, $"{name}.ln_2", x, 1e-5);
            x = Add(x, Feed(
                model, $"{name}.mlp.c_fc", $"{name}.mlp.c_proj", input, Inner, shared ? GeluTanh : Gelu, bias: true));
        }

        return Head(model, LayerNorm(model, "transformer.ln_f", x, 1e-5), "transformer.wte", 1);
    }

    // A part of each group of elements.
    private static double[][] OfEach(double[][] x, int group, int first, int count) =>
        ReferenceModel.Map(x, row => [.. row.Chunk(group).SelectMany(part => part[first..(first + count)])]);

    private static double[][] GptJ(ReferenceModel model, int[] ids)
    {
        var x = model.Embed("transformer.wte", ids, Vocabulary, Hidden);
        for (var layer = 0; layer < 2; layer++)
        {
            var name = $"transformer.h.{layer}";
            var input = LayerNorm(model, $"{name}.ln_1", x, 1e-5);
            var attended = new DenseAttention
            {
                KeyHeads = Heads, Frequencies = Frequencies(8, 10000), Interleaved = true, Output = "out_proj",
            }.Run(model, $"{name}.attn", input);
            var fed = Feed(
                model, $"{name}.mlp.fc_in", $"{name}.mlp.fc_out", input, 4 * Hidden, GeluTanh, bias: true);
            x = Add(Add(x, attended), fed);
        }

        return Head(model, LayerNorm(model, "transformer.ln_f", x, 1e-5), "lm_head", bias: true);
    }

    private static double[][] GptNeoX(ReferenceModel model, int[] ids)
    {
        var x = model.Embed("gpt_neox.embed_in", ids, Vocabulary, Hidden);
        var frequencies = Frequencies(8, 5000);
        for (var layer = 0; layer < 2; layer++)
        {
            var name = $"gpt_neox.layers.{layer}";
            var all = model.Linear(
                $"{name}.attention.query_key_value", LayerNorm(model, $"{name}.input_layernorm", x, 1e-5), 3 * Hidden,
                bias: true);
            var attended = Attend(
                Turn(OfEach(all, 3 * HeadSize, 0, HeadSize), HeadSize, frequencies),
                Turn(OfEach(all, 3 * HeadSize, HeadSize, HeadSize), HeadSize, frequencies),
                OfEach(all, 3 * HeadSize, 2 * HeadSize, HeadSize), Heads, Heads, 0.25);
            x = Add(x, model.Linear($"{name}.attention.dense", attended, Hidden, bias: true));
            var input = LayerNorm(model, $"{name}.post_attention_layernorm", x, 1e-5);
            x = Add(x, Feed(
                model, $"{name}.mlp.dense_h_to_4h", $"{name}.mlp.dense_4h_to_h", input, Inner, Gelu, bias: true));
        }

        return Head(model, LayerNorm(model, "gpt_neox.final_layer_norm", x, 1e-5), "embed_out");
    }

    private static double[][] Falcon(
        ReferenceModel model, int[] ids, int keyHeads, int norms, bool parallel, bool bias, int hidden = Hidden,
        double[]? slopes = null)
    {
        int heads = slopes?.Length ?? Heads, size = hidden / heads;
        var x = model.Embed("transformer.word_embeddings", ids, Vocabulary, hidden);
        var frequencies = slopes is null ? Frequencies(size, Theta) : [];
        int queries = heads / keyHeads * size, group = queries + (2 * size);
        for (var layer = 0; layer < 2; layer++)
        {
            var name = $"transformer.h.{layer}";
            var input = LayerNorm(model, $"{name}.{(norms == 2 ? "ln_attn" : "input_layernorm")}", x, 1e-5);
            var all = model.Linear($"{name}.self_attention.query_key_value", input, keyHeads * group, bias);
            var attended = model.Linear(
                $"{name}.self_attention.dense", Attend(
                    Turn(OfEach(all, group, 0, queries), size, frequencies),
                    Turn(OfEach(all, group, queries, size), size, frequencies),
                    OfEach(all, group, queries + size, size), heads, keyHeads, 1 / Math.Sqrt(size),
                    bias: (head, past) => slopes is null ? 0 : slopes[head] * past / Math.Sqrt(size)), hidden, bias);
            var wide = norms == 2 ? LayerNorm(model, $"{name}.ln_mlp", x, 1e-5)
                : parallel ? input
                : LayerNorm(model, $"{name}.post_attention_layernorm", Add(x, attended), 1e-5);
            x = Add(Add(x, attended), Feed(
                model, $"{name}.mlp.dense_h_to_4h", $"{name}.mlp.dense_4h_to_h", wide, 4 * hidden, Gelu, bias));
        }

        return Head(model, LayerNorm(model, "transformer.ln_f", x, 1e-5), "transformer.word_embeddings", 1);
    }

    private static double[][] Opt(ReferenceModel model, int[] ids, int width, bool before)
    {
        var x = model.Embed("model.decoder.embed_tokens", ids, Vocabulary, width);
        x = width == Hidden ? x : model.Linear("model.decoder.project_in", x, Hidden);
        x = Add(x, model.Embed(
            "model.decoder.embed_positions", [.. Enumerable.Range(2, ids.Length)], 4096 + 2, Hidden));
        for (var layer = 0; layer < 2; layer++)
        {
            var name = $"model.decoder.layers.{layer}";
            x = Part(x, $"{name}.self_attn_layer_norm", input => new DenseAttention
            {
                KeyHeads = Heads, InputBias = true, OutputBias = true, Frequencies = null, Output = "out_proj",
            }.Run(model, $"{name}.self_attn", input));
            x = Part(x, $"{name}.final_layer_norm", input =>
                Feed(model, $"{name}.fc1", $"{name}.fc2", input, Inner, Relu, bias: true));
        }

        x = before ? LayerNorm(model, "model.decoder.final_layer_norm", x, 1e-5) : x;
        x = width == Hidden ? x : model.Linear("model.decoder.project_out", x, width);
        return Head(model, x, "model.decoder.embed_tokens", 1);

        double[][] Part(double[][] states, string norm, Func<double[][], double[][]> block) => before
            ? Add(states, block(LayerNorm(model, norm, states, 1e-5)))
            : LayerNorm(model, norm, Add(states, block(states)), 1e-5);
    }
}
