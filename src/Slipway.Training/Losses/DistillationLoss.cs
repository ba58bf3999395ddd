using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Losses;

/// <summary>Computes how far a student's distributions are from a teacher's (Hinton and others, 2015).</summary>
/// <remarks>
/// <code>
/// p = softmax(teacher / T), q = softmax(student / T)
/// loss = α·T²·KL(p‖q) + (1 − α)·cross-entropy;  KL(q‖p) where reversed (Gu and others, MiniLLM, 2023)
/// </code>
/// Thread-safe.
/// </remarks>
/// <param name="Alpha">α: the weight of the divergence, from 0 to 1.</param>
/// <param name="Temperature">T: flattens both distributions.</param>
/// <param name="IsReversed">Whether the student's distribution comes first, so that it keeps to what the teacher
/// finds likely.</param>
public sealed record DistillationLoss(double Alpha = 0.5, double Temperature = 2, bool IsReversed = false)
{
    /// <summary>Sums the loss over the targets.</summary>
    /// <param name="student">float32 [targets, vocab_size]</param>
    /// <param name="teacher">float32 [targets, vocab_size], of the same vocabulary.</param>
    /// <param name="targets">int64 [targets]</param>
    /// <returns>float32 scalar: nats, summed.</returns>
    public Tensor Sum(Tensor student, Tensor teacher, Tensor targets)
    {
        ArgumentNullException.ThrowIfNull(student);
        ArgumentNullException.ThrowIfNull(teacher);
        using var scope = NewDisposeScope();
        var taught = teacher.Over(Temperature).log_softmax(-1);
        var learned = student.Over(Temperature).log_softmax(-1);
        var divergence = IsReversed
            ? (learned.exp() * (learned - taught)).sum() : (taught.exp() * (taught - learned)).sum();
        return divergence.Times(Alpha * Temperature * Temperature)
            .Plus(CrossEntropy.Plain.Sum(student, targets).Times(1 - Alpha)).MoveToOuterDisposeScope();
    }
}
