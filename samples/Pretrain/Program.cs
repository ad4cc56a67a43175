// Makes what the embedded model is trained from: the corpus and its tokenizer.
//   dotnet run -c Release --project samples/Pretrain -- FOLDER
using LoraSharp.Samples.Pretrain;

const int Seed = 1;
const int VocabularySize = 1536;
const int MaxLength = 512;

string folder = args.Length == 1
    ? args[0]
    : throw new ArgumentException("Name the folder to write to: dotnet run -c Release --project samples/Pretrain -- FOLDER");
var documents = CorpusBuilder.Build(Seed);
var vocabulary = BpeTrainer.Train(documents, VocabularySize, TokenizerFiles.SpecialTokens);
TokenizerFiles.Write(folder, vocabulary, MaxLength);
File.WriteAllText(Path.Combine(folder, "corpus.txt"), string.Join("\n\n", documents) + "\n");
Console.WriteLine($"{documents.Count:N0} documents, {documents.Sum(document => document.Length):N0} characters, "
    + $"{vocabulary.Tokens.Count:N0} tokens in the vocabulary: {folder}");
