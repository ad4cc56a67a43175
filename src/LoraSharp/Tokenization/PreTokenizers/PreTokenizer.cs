namespace LoraSharp.Tokenization;

/// <summary>Cuts pieces into smaller ones; it may also change their text.</summary>
internal abstract class PreTokenizer
{
    /// <summary>True if the cutting depends on where a piece stands in the original text.</summary>
    public virtual bool NeedsOrigins => false;

    public virtual void Apply(PieceList pieces)
    {
        foreach (Piece piece in pieces.TakeAll())
        {
            if (piece.AddedId >= 0)
            {
                pieces.Add(piece);
            }
            else
            {
                Split(piece, pieces);
            }
        }
    }

    protected abstract void Split(Piece piece, PieceList output);
}
