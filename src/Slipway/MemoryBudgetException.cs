namespace Slipway;

/// <summary>Says that a <see cref="MemoryBudget"/> has no room for a model, an adapter or a sequence.</summary>
public sealed class MemoryBudgetException : InvalidOperationException
{
    /// <summary>Creates the exception.</summary>
    public MemoryBudgetException()
        : this("The memory budget has no room.")
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What there is no room for, and what to do.</param>
    public MemoryBudgetException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception.</summary>
    /// <param name="message">What there is no room for, and what to do.</param>
    /// <param name="innerException">The cause.</param>
    public MemoryBudgetException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
