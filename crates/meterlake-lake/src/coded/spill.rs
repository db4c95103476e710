//! Rows that wait in a file, column by column, as narrow as they may be.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::rows::{Cells, CodedColumn, CodedRows};
use crate::error::LakeError;

/// A file of rows without a name.
#[derive(Debug)]
pub(super) struct Spill {
    path: PathBuf,
    file: File,
    end: u64,
    buffer: Vec<u8>,
}

/// Rows in the file, one column after the other.
#[derive(Debug)]
pub(super) struct Segment {
    offset: u64,
    rows: usize,
    places: Vec<Place>,
}

/// A column of a segment.
#[derive(Debug)]
enum Place {
    /// All cells are the same.
    Same(CodedColumn),
    /// The cells are those of an earlier column, as costs in the same currency are.
    Like(usize),
    /// A column of no cells, and the bytes of each cell in the file.
    Packed(CodedColumn, usize),
}

impl Spill {
    /// A file in the folder.
    pub(super) fn create(folder: &Path) -> Result<Self, LakeError> {
        let file = tempfile::tempfile_in(folder).map_err(LakeError::io(folder))?;
        Ok(Self { path: folder.to_path_buf(), file, end: 0, buffer: Vec::new() })
    }

    /// Writes rows behind the others.
    pub(super) fn write(&mut self, rows: CodedRows) -> Result<Segment, LakeError> {
        let bytes = &mut self.buffer;
        bytes.clear();
        let mut places = Vec::with_capacity(rows.columns.len());
        for (at, column) in rows.columns.iter().enumerate() {
            let twin = match column {
                CodedColumn::Wide(Cells::Each(_)) => rows.columns[..at].iter().position(|other| other == column),
                _ => None,
            };
            places.push(match twin {
                Some(twin) => Place::Like(twin),
                None => match pack(column, bytes) {
                    Some(width) => Place::Packed(same_of(column), width),
                    None => Place::Same(column.clone()),
                },
            });
        }
        let segment = Segment { offset: self.end, rows: rows.rows, places };
        self.file.write_all(bytes).map_err(LakeError::io(&self.path))?;
        self.end += bytes.len() as u64;
        Ok(segment)
    }

    /// Reads rows.
    pub(super) fn read(&mut self, segment: Segment) -> Result<CodedRows, LakeError> {
        self.read_columns(segment).map_err(LakeError::io(&self.path))
    }

    fn read_columns(&mut self, segment: Segment) -> io::Result<CodedRows> {
        self.file.seek(SeekFrom::Start(segment.offset))?;
        let rows = segment.rows;
        let mut columns: Vec<CodedColumn> = Vec::with_capacity(segment.places.len());
        for place in segment.places {
            let column = match place {
                Place::Same(column) => column,
                Place::Like(twin) => columns[twin].clone(),
                Place::Packed(kind, width) => {
                    self.buffer.resize(rows * width, 0);
                    self.file.read_exact(&mut self.buffer)?;
                    unpack(&kind, &self.buffer, width)
                }
            };
            columns.push(column);
        }
        self.file.seek(SeekFrom::Start(self.end))?;
        Ok(CodedRows { rows, columns })
    }
}

/// A column of no rows of the same type and dictionary.
pub(super) fn same_of(column: &CodedColumn) -> CodedColumn {
    match column {
        CodedColumn::Text(dictionary, _) => CodedColumn::Text(*dictionary, Cells::Same(0)),
        CodedColumn::Wide(_) => CodedColumn::Wide(Cells::Same(0)),
        CodedColumn::Long(_) => CodedColumn::Long(Cells::Same(0)),
        CodedColumn::Short(_) => CodedColumn::Short(Cells::Same(0)),
        CodedColumn::Truth(_) => CodedColumn::Truth(Cells::Same(0)),
    }
}

/// Writes the cells of a column behind `bytes`, and returns how many bytes each has; none when all are the same.
fn pack(column: &CodedColumn, bytes: &mut Vec<u8>) -> Option<usize> {
    match column {
        CodedColumn::Text(_, Cells::Each(codes)) => {
            let most = codes.iter().copied().max().unwrap_or(0);
            Some(match most {
                0..0x100 => put(codes, bytes, |code| [code.to_le_bytes()[0]]),
                0x100..0x1_0000 => put::<_, 2>(codes, bytes, |code| first(code.to_le_bytes())),
                _ => put::<_, 4>(codes, bytes, u32::to_le_bytes),
            })
        }
        CodedColumn::Wide(Cells::Each(values)) => {
            // Bits that are not all like the sign.
            let told = values.iter().fold(0, |bits, value| bits | (value ^ (value >> 127)));
            Some(match i128::BITS - told.leading_zeros() {
                0..64 => put::<_, 8>(values, bytes, |value| first(value.to_le_bytes())),
                64..96 => put::<_, 12>(values, bytes, |value| first(value.to_le_bytes())),
                _ => put::<_, 16>(values, bytes, i128::to_le_bytes),
            })
        }
        CodedColumn::Long(Cells::Each(values)) => Some(if values.iter().all(|value| u32::try_from(*value).is_ok()) {
            put::<_, 4>(values, bytes, |value| first(value.to_le_bytes()))
        } else {
            put::<_, 8>(values, bytes, i64::to_le_bytes)
        }),
        CodedColumn::Short(Cells::Each(values)) => Some(put::<_, 4>(values, bytes, i32::to_le_bytes)),
        CodedColumn::Truth(Cells::Each(values)) => {
            bytes.extend_from_slice(values);
            Some(1)
        }
        _ => None,
    }
}

fn put<T: Copy, const N: usize>(values: &[T], bytes: &mut Vec<u8>, of: impl Fn(T) -> [u8; N]) -> usize {
    let start = bytes.len();
    bytes.resize(start + values.len() * N, 0);
    for (place, value) in bytes[start..].as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *place = of(*value);
    }
    N
}

fn first<const M: usize, const N: usize>(bytes: [u8; M]) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[..N]);
    part
}

/// The cells of a column of this type, of so many bytes each.
fn unpack(kind: &CodedColumn, bytes: &[u8], width: usize) -> CodedColumn {
    match kind {
        CodedColumn::Text(dictionary, _) => {
            let codes = match width {
                1 => get(bytes, |b: [u8; 1]| u32::from(b[0])),
                2 => get(bytes, |b| u32::from(u16::from_le_bytes(b))),
                _ => get(bytes, u32::from_le_bytes),
            };
            CodedColumn::Text(*dictionary, Cells::Each(codes))
        }
        CodedColumn::Wide(_) => CodedColumn::Wide(Cells::Each(match width {
            8 => get(bytes, |b| i128::from(i64::from_le_bytes(b))),
            12 => get(bytes, twelve),
            _ => get(bytes, i128::from_le_bytes),
        })),
        CodedColumn::Long(_) => CodedColumn::Long(Cells::Each(match width {
            4 => get(bytes, |b| i64::from(u32::from_le_bytes(b))),
            _ => get(bytes, i64::from_le_bytes),
        })),
        CodedColumn::Short(_) => CodedColumn::Short(Cells::Each(get(bytes, i32::from_le_bytes))),
        CodedColumn::Truth(_) => CodedColumn::Truth(Cells::Each(bytes.to_vec())),
    }
}

fn get<const N: usize, T>(bytes: &[u8], value: impl Fn([u8; N]) -> T) -> Vec<T> {
    bytes.as_chunks::<N>().0.iter().map(|chunk| value(*chunk)).collect()
}

fn twelve(bytes: [u8; 12]) -> i128 {
    let mut whole = [if bytes[11] < 0x80 { 0 } else { 0xFF }; 16];
    whole[..12].copy_from_slice(&bytes);
    i128::from_le_bytes(whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coded::rows::Number;

    #[test]
    fn rows_come_back_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let mut spill = Spill::create(folder.path()).unwrap();
        let mut segments = Vec::new();
        for shift in [0, 7, 30, 62, 63, 64, 94, 95, 96, 126] {
            let wide: Vec<i128> = vec![0, 1, -1, (1 << shift) - 1, 1 << shift, -(1 << shift), -(1 << shift) - 1, 5];
            let cut = |value: &i128| i64::try_from(*value).unwrap_or(i64::NULL);
            let long: Vec<i64> = wide.iter().map(cut).collect();
            let positive: Vec<i64> = long.iter().map(|value| value.checked_abs().unwrap_or(9) & 0xFFFF_FFFF).collect();
            let codes: Vec<u32> = positive.iter().map(|value| u32::try_from(*value).unwrap()).collect();
            let null: Vec<i128> = wide.iter().map(|value| if *value == 5 { i128::NULL } else { *value }).collect();
            let columns = vec![
                CodedColumn::Wide(Cells::Each(wide.clone())),
                CodedColumn::Wide(Cells::Same(3)),
                CodedColumn::Wide(Cells::Each(wide)),
                CodedColumn::Wide(Cells::Each(null)),
                CodedColumn::Long(Cells::Each(long)),
                CodedColumn::Long(Cells::Each(positive)),
                CodedColumn::Text(4, Cells::Each(codes.iter().map(|code| code & 0xFF).collect())),
                CodedColumn::Text(5, Cells::Each(codes.iter().map(|code| code & 0xFFFF).collect())),
                CodedColumn::Text(6, Cells::Each(codes)),
                CodedColumn::Text(7, Cells::Same(8)),
                CodedColumn::Short(Cells::Each(vec![0, 1, -1, i32::MAX, i32::NULL, 2, 3, 4])),
                CodedColumn::Truth(Cells::Each(vec![0, 1, 2, 0, 1, 2, 0, 1])),
            ];
            let rows = CodedRows { rows: 8, columns };
            segments.push((spill.write(rows.clone()).unwrap(), rows));
        }
        // In another order than they were written in, and with more to come.
        segments.swap(0, 5);
        for (segment, rows) in segments {
            let read = spill.read(segment).unwrap();
            assert_eq!((read.rows, &read.columns), (rows.rows, &rows.columns));
            let again = spill.write(rows.clone()).unwrap();
            assert_eq!(spill.read(again).unwrap().columns, rows.columns);
        }
    }
}
