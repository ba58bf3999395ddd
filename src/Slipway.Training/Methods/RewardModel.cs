using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Training.Models;
using Slipway.Training.Modules;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Methods;

/// <summary>Scores texts by a decoder and a linear map of the last token's state, as people's preferences are
/// learned.</summary>
/// <remarks>
/// Saved as the architecture's <c>ForSequenceClassification</c> with one label, <c>score.weight</c>. The decoder stays
/// the caller's. One thread at a time may use an instance.
/// </remarks>
public sealed class RewardModel : IDisposable
{
    private const string ScoreName = "score.weight";

    private readonly CausalLanguageModel _model;

    /// <summary>Adds a map of zeros, by which all texts have the score 0.</summary>
    /// <param name="model">The decoder; its own head is not used.</param>
    public RewardModel(CausalLanguageModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        _model = model;
        Score = new Parameter(zeros(1, model.Config.HiddenSize).DetachFromDisposeScope());
    }

    /// <summary>[1, hidden_size]</summary>
    public Parameter Score { get; }

    /// <summary>The weights that training changes, by name: the decoder's or its adapter's, and the map.</summary>
    public IReadOnlyList<(string Name, Parameter Weight)> Parameters =>
    [
        .. _model.TrainableParameters.Where(one => !one.Name.StartsWith("lm_head.", StringComparison.Ordinal)),
        (ScoreName, Score),
    ];

    /// <summary>Computes <c>−log σ(chosen − rejected)</c> (Bradley and Terry, 1952).</summary>
    /// <param name="chosen">float32 [pairs]: scores of the preferred texts.</param>
    /// <param name="rejected">float32 [pairs]: scores of the other texts.</param>
    /// <returns>float32 [pairs]</returns>
    public static Tensor Loss(Tensor chosen, Tensor rejected)
    {
        ArgumentNullException.ThrowIfNull(chosen);
        using var scope = NewDisposeScope();
        return (-nn.functional.logsigmoid(chosen - rejected)).MoveToOuterDisposeScope();
    }

    /// <summary>Scores unpadded sequences.</summary>
    /// <param name="ids">int64 [tokens]</param>
    /// <param name="layout">Where each sequence starts.</param>
    /// <returns>float32 [sequences]</returns>
    public Tensor Scores(Tensor ids, SequenceLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        using var scope = NewDisposeScope();
        var ends = new long[layout.Sequences];
        var end = -1L;
        for (var sequence = 0; sequence < ends.Length; sequence++)
        {
            ends[sequence] = end += layout.Lengths[sequence];
        }

        var last = _model.HiddenStates(ids, layout).index_select(0, tensor(ends)).to(float32);
        return last.matmul(Score.t()).view(-1).MoveToOuterDisposeScope();
    }

    /// <summary>Writes <c>model.safetensors</c> and <c>config.json</c> of a classifier with one label.</summary>
    /// <param name="folder">The folder; created where it is missing.</param>
    /// <exception cref="NotSupportedException">The decoder has an adapter: merge it first.</exception>
    public void Save(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (_model.Adapter is not null)
        {
            throw new NotSupportedException(
                "The reward model's decoder has an adapter, which the saved model would lack. Merge it first.");
        }

        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(
            Path.Combine(folder, "model.safetensors"),
            [.. Parameters.Select(one => TensorEntries.Of(one.Name, one.Weight))]);
        var config = _model.Config.ToJson();
        config["architectures"] = new JsonArray(_model.Config.Architecture.Name.Replace(
            "ForCausalLM", "ForSequenceClassification", StringComparison.Ordinal));
        config["id2label"] = new JsonObject { ["0"] = "LABEL_0" };
        config["num_labels"] = 1;
        AtomicFile.Write(Path.Combine(folder, "config.json"), config);
    }

    /// <summary>Releases the map.</summary>
    public void Dispose() => Score.Dispose();
}
