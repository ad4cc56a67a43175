namespace LoraSharp.Tokenization;

/// <summary>The kinds of SentencePiece pieces.</summary>
internal enum PieceKind
{
    Normal = 1,
    Unknown = 2,
    Control = 3,
    UserDefined = 4,
    Unused = 5,
    Byte = 6,
}

/// <summary>What a SentencePiece model file holds, as far as encoding needs it.</summary>
internal sealed class SentencePieceModel
{
    private const int MaxPieceLength = 4096;

    public required string File { get; init; }

    public List<(string Text, float Score, PieceKind Kind)> Pieces { get; } = [];

    public bool IsBpe { get; private set; }

    public bool ByteFallback { get; private set; }

    public int UnkId { get; private set; }

    public int BosId { get; private set; } = 1;

    public int EosId { get; private set; } = 2;

    public int PadId { get; private set; } = -1;

    public byte[] CharacterMap { get; private set; } = [];

    public bool AddDummyPrefix { get; private set; } = true;

    public bool RemoveExtraWhitespaces { get; private set; } = true;

    public bool EscapeWhitespaces { get; private set; } = true;

    public static SentencePieceModel Read(string path) => Read(path, System.IO.File.ReadAllBytes(path));

    public static SentencePieceModel Read(string path, byte[] bytes)
    {
        var model = new SentencePieceModel { File = path };
        var reader = new ProtobufReader(bytes, path);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    model.ReadPiece(reader.ReadMessage());
                    break;
                case 2:
                    model.ReadTrainerSpec(reader.ReadMessage());
                    break;
                case 3:
                    model.ReadNormalizerSpec(reader.ReadMessage());
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        return model.Pieces.Count > 0
            ? model
            : throw new TokenizerFormatException(
                path, "pieces", "the file holds no pieces: it is empty or not a SentencePiece model", "Take the file from its source again");
    }

    /// <summary>The unknown, begin, end and pad tokens by the names of tokenizer_config.json.</summary>
    public IReadOnlyDictionary<string, string> NamedTokens()
    {
        var named = new Dictionary<string, string>();
        foreach ((string name, int id) in new[] { ("bos_token", BosId), ("eos_token", EosId), ("unk_token", UnkId), ("pad_token", PadId) })
        {
            if (id >= 0 && id < Pieces.Count && Pieces[id].Kind is PieceKind.Control or PieceKind.Unknown)
            {
                named[name] = Pieces[id].Text;
            }
        }

        return named;
    }

    /// <summary>The pieces as a vocabulary.</summary>
    public Vocabulary ToVocabulary()
    {
        var ids = new Dictionary<string, int>(Pieces.Count);
        for (int id = 0; id < Pieces.Count; id++)
        {
            if (!ids.TryAdd(Pieces[id].Text, id))
            {
                throw new TokenizerFormatException(
                    File,
                    $"piece {id}",
                    $"the piece '{Pieces[id].Text}' stands twice, first as number {ids[Pieces[id].Text]}",
                    "Take the file from its source again");
            }
        }

        return new Vocabulary(ids);
    }

    /// <summary>
    /// SentencePiece's BPE as merges: each way to split a normal or user-defined piece into two pieces. The higher score first; of one score the
    /// order of the pieces; within a piece the order of the parts' ids.
    /// </summary>
    public List<(string Left, string Right)> ToMerges(Vocabulary vocabulary)
    {
        var merges = new List<(float Score, string Left, string Right)>();
        var local = new List<(int Left, int Right, int At)>();
        foreach ((string text, float score, PieceKind kind) in Pieces)
        {
            if (kind is not (PieceKind.Normal or PieceKind.UserDefined))
            {
                continue;
            }

            local.Clear();
            for (int at = 1; at < text.Length; at++)
            {
                int left = char.IsLowSurrogate(text[at]) ? -1 : vocabulary.Find(text.AsSpan(0, at));
                int right = left < 0 ? -1 : vocabulary.Find(text.AsSpan(at));
                if (right >= 0)
                {
                    local.Add((left, right, at));
                }
            }

            local.Sort();
            foreach ((_, _, int at) in local)
            {
                merges.Add((score, text[..at], text[at..]));
            }
        }

        return [.. merges.OrderByDescending(merge => merge.Score).Select(merge => (merge.Left, merge.Right))];
    }

    private void ReadPiece(ProtobufReader reader)
    {
        string text = "";
        float score = 0;
        int kind = (int)PieceKind.Normal;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    text = reader.ReadString();
                    break;
                case 2:
                    score = reader.ReadFloat();
                    break;
                case 3:
                    kind = reader.ReadInt();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }

        if (text.Length is 0 or > MaxPieceLength || !float.IsFinite(score) || kind is < 1 or > 6)
        {
            throw reader.Fail($"piece {Pieces.Count} has {text.Length} characters, the score {score} and the kind {kind}");
        }

        Pieces.Add((text, score, (PieceKind)kind));
    }

    private void ReadTrainerSpec(ProtobufReader reader)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3:
                    int type = reader.ReadInt();
                    IsBpe = type switch
                    {
                        1 => false,
                        2 => true,
                        _ => throw new TokenizerFormatException(
                            File,
                            "trainer_spec.model_type",
                            $"the model type {type} (word or character) is not supported",
                            "Use a BPE or Unigram model"),
                    };
                    break;
                case 24 when reader.ReadBool():
                    throw new TokenizerFormatException(
                        File, "trainer_spec.treat_whitespace_as_suffix", "whitespace as a suffix is not supported", "Use a model trained without it");
                case 24:
                    break;
                case 35:
                    ByteFallback = reader.ReadBool();
                    break;
                case 40:
                    UnkId = reader.ReadInt();
                    break;
                case 41:
                    BosId = reader.ReadInt();
                    break;
                case 42:
                    EosId = reader.ReadInt();
                    break;
                case 43:
                    PadId = reader.ReadInt();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }

    private void ReadNormalizerSpec(ProtobufReader reader)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    CharacterMap = reader.ReadBytes().ToArray();
                    break;
                case 3:
                    AddDummyPrefix = reader.ReadBool();
                    break;
                case 4:
                    RemoveExtraWhitespaces = reader.ReadBool();
                    break;
                case 5:
                    EscapeWhitespaces = reader.ReadBool();
                    break;
                default:
                    reader.Skip();
                    break;
            }
        }
    }
}
