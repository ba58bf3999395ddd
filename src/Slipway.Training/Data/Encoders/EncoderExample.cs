namespace Slipway.Training.Data.Encoders;

/// <summary>Holds one example of an encoder.</summary>
/// <param name="Texts">The tokens of each text, with those that begin and end it: one, or of an embedding its own,
/// its partner's and those of texts that it is told from.</param>
/// <param name="Types">The kind of each token of a joined pair; null for the first kind.</param>
/// <param name="Places">The tokens that are to be told, or guessed; of a label of the whole text the first one.</param>
/// <param name="Targets">The label, or the token, at each place.</param>
/// <param name="IsCut">Whether a text was longer than the stage allows.</param>
internal sealed record EncoderExample(
    int[][] Texts, int[]? Types, int[] Places, int[] Targets, bool IsCut)
{
    public int Tokens => Texts.Sum(text => text.Length);
}
