namespace LoraSharp.Tokenization;

/// <summary>BERT's frame: CLS A SEP, and B SEP with type id 1.</summary>
internal sealed class BertPostProcessor((string Token, int Id) sep, (string Token, int Id) cls) : PostProcessor
{
    public override int AddedTokens(bool pair) => pair ? 3 : 2;

    public override List<EncodingBuffer> Process(List<EncodingBuffer> encodings, bool addSpecialTokens)
    {
        if (addSpecialTokens)
        {
            for (int i = 0; i < encodings.Count; i++)
            {
                if (i == 0)
                {
                    encodings[i].AddSpecial(cls.Id, cls.Token, 0, position: 0);
                }

                encodings[i].AddSpecial(sep.Id, sep.Token, i == 0 ? 0 : 1);
            }
        }

        return encodings;
    }
}
