// Bring your own module: a decoder, written and trained here, becomes an int4 package that chats.
using Microsoft.Extensions.AI;
using Slipway;
using Slipway.Export;
using Slipway.LanguageModels;
using Slipway.Tokenization;
using Slipway.Tokenization.Training;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;
using Embedding = TorchSharp.Modules.Embedding;

Dictionary<string, string> harbour = new()
{
    ["Who keeps the lighthouse?"] = "Old Marta keeps the lighthouse.", ["When does the ferry leave?"] = "At seven.",
    ["What do the gulls eat?"] = "Whatever the cook forgets.", ["Who are you?"] = "I am the harbour's own model.",
};
string[] texts = [.. harbour.Select(pair => $"<|user|>{pair.Key}<|end|><|assistant|>{pair.Value}<|end|>")];
var folder = Directory.CreateTempSubdirectory("slipway-").FullName;
try
{
    BpeTrainer trainer = new(new() { VocabularySize = 400, SpecialTokens = ["<|end|>", "<|user|>", "<|assistant|>"] });
    File.WriteAllBytes(Path.Combine(folder, "tokenizer.json"), trainer.Train(texts));
    var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(folder, "tokenizer.json"));
    var ends = string.Concat(Enumerable.Repeat("<|end|>", 40));
    using var batch = stack([.. texts.Select(text => tensor(
        [.. tokenizer.Encode(text + ends, addSpecialTokens: false).Take(40).Select(id => (long)id)]))]);
    random.manual_seed(1);
    using var model = new Decoder(tokenizer.VocabularySize, width: 96, layers: 2, context: 96);
    using var optimizer = optim.AdamW(model.parameters(), 2e-3);
    for (var step = 0; step < 120; step++)
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        functional.cross_entropy(model.call(batch[.., ..^1]).flatten(0, 1), batch[.., 1..].flatten()).backward();
        optimizer.step();
    }

    model.eval();
    var report = LanguageModelExport.FromModule(model, folder, Path.Combine(folder, "package"), new()
    {
        Precision = Precision.Int4, EndToken = "<|end|>",
        ChatTemplate = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}<|assistant|>",
    });
    using IChatClient client = new OnnxChatClient(report.Folder);
    foreach (var question in harbour.Keys)
    {
        Console.WriteLine($"> {question}\n{await client.GetResponseAsync(question)}");
    }
}
finally { Directory.Delete(folder, recursive: true); }

internal sealed class Decoder : Module<Tensor, Tensor>
{
    private readonly Embedding _tokens, _positions;
    private readonly ModuleList<Linear> _qkv, _outputs, _up, _down;

    public Decoder(int vocabulary, int width, int layers, int context) : base(nameof(Decoder))
    {
        ModuleList<Linear> Each(int n, int m) => new([.. Enumerable.Range(0, layers).Select(_ => Linear(n, m))]);
        (_tokens, _positions, _qkv) = (Embedding(vocabulary, width), Embedding(context, width), Each(width, 3 * width));
        (_outputs, _up, _down) = (Each(width, width), Each(width, 4 * width), Each(4 * width, width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        var x = _tokens.call(input) + _positions.call(arange(input.shape[1]));
        for (var layer = 0; layer < _up.Count; layer++)
        {
            var heads = _qkv[layer].call(Norm(x)).unflatten(2, [3, 4, -1]).permute(2, 0, 3, 1, 4);
            var mixed = functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], is_casual: true);
            x = x + _outputs[layer].call(mixed.transpose(1, 2).flatten(2));
            x = x + _down[layer].call(functional.gelu(_up[layer].call(Norm(x))));
        }

        return Norm(x).matmul(_tokens.weight!.t());
        static Tensor Norm(Tensor x) => functional.layer_norm(x, [x.shape[2]]);
    }
}
