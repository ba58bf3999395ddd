namespace Slipway.Training.Data;

/// <summary>Supplies conversations to train and to evaluate on.</summary>
/// <remarks>
/// An implementation answers the same conversations in the same order every time it is asked, because a training run
/// that resumes reads them again.
/// </remarks>
public interface IConversationSource
{
    /// <summary>Reads the conversations to train on, in their order.</summary>
    IEnumerable<Conversation> ReadTraining();

    /// <summary>Reads the held-out conversations that evaluation uses; may be empty.</summary>
    IEnumerable<Conversation> ReadEvaluation();
}
