using System.Globalization;

namespace LoraSharp.Tokenization;

/// <summary>Adds the tokens that a folder's other files name to the pipeline.</summary>
internal static class FolderAddedTokens
{
    public static void Add(TokenizerPipeline pipeline, SpecialTokenTable special, JsonField? config, JsonField? addedTokens)
    {
        AddedVocabulary added = pipeline.Added;
        if (config?.TryGet("added_tokens_decoder") is { } decoder)
        {
            added.Add(ReadDecoder(decoder));
        }
        else if (addedTokens is { } old)
        {
            HashSet<string> specialContents = [.. special.Named.Select(pair => pair.Token.Content), .. special.Extra.Select(token => token.Content)];
            HashSet<string> present = [.. added.Tokens.Values.Select(token => token.Content)];
            IEnumerable<string> names = old.Properties().Select(pair => (pair.Name, Id: pair.Value.AsCount())).OrderBy(pair => pair.Id).Select(pair => pair.Name);
            added.Add(names.Where(name => name.Length > 0 && !present.Contains(name)).Select(name =>
            {
                bool isSpecial = specialContents.Contains(name);
                return new AddedToken(name) { Special = isSpecial, Normalized = !isSpecial };
            }));
        }

        Dictionary<string, AddedToken> known = [];
        foreach (AddedToken token in added.Tokens.Values)
        {
            known[token.Content] = token;
        }

        // A token that is there keeps its flags, but is special from now on.
        added.Add(special.Named.Select(pair => pair.Token).Concat(special.Extra)
            .Select(token => known.TryGetValue(token.Content, out AddedToken? old) ? old with { Special = true } : token)
            .DistinctBy(token => token.Content));
    }

    private static List<AddedToken> ReadDecoder(JsonField json)
    {
        var tokens = new List<(int Id, AddedToken Token)>();
        foreach ((string name, JsonField value) in json.Properties())
        {
            if (!int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int id))
            {
                throw value.Fail($"'{name}' is not an id", "Use the token's id as the field's name");
            }

            tokens.Add((id, TokenizerJson.ReadAddedToken(value, value["content"].AsString(), normalized: true)));
        }

        return [.. tokens.OrderBy(pair => pair.Id).Select(pair => pair.Token)];
    }
}
